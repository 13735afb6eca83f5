import { type Feed, toCatchUp } from './feed'
import { type Live } from './live'
import { type CatchUp, type Position } from './stream'

/** Follows a channel over the socket; `Channels.hear` receives its messages. */
export const socketFeed = (live: Live, channel: string): Feed => ({
  transport: 'socket',
  ask: after => followOver(live, channel, after),
  close: () => live.unfollow(channel).catch(() => undefined),
})

/** Follows a channel; only reads events when it is already followed. @throws TuttiProblem */
export async function followOver(live: Live, channel: string, after: Position | undefined): Promise<CatchUp> {
  return toCatchUp(await live.follow(channel, after))
}
