import { type Feed, toCatchUp } from './feed'
import { type ReconnectingSocket } from './reconnecting-socket'
import { type CatchUp, type Position } from '../channels/frames'

/** Follows a channel over the socket; `Channels.receive` receives its messages. */
export const socketFeed = (live: ReconnectingSocket, channel: string): Feed => ({
  transport: 'socket',
  read: after => followOverSocket(live, channel, after),
  close: () => live.unfollow(channel).catch(() => undefined),
})

/** Follows a channel; only reads events when it is already followed. @throws TuttiProblem */
export async function followOverSocket(
  live: ReconnectingSocket,
  channel: string,
  after: Position | undefined,
): Promise<CatchUp> {
  return toCatchUp(await live.follow(channel, after))
}
