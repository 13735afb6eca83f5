import { type Feed, toCatchUp } from './feed'
import { type Live } from './live'
import { type CatchUp, type Position } from './stream'

/** A channel over the socket; what arrives on it is handed on by whoever listens to the socket. */
export const socketFeed = (live: Live, channel: string): Feed => ({
  transport: 'socket',
  ask: after => followOver(live, channel, after),
  close: () => live.unfollow(channel).catch(() => undefined),
})

/** Follows, also what is followed already: then it only reads. @throws TuttiProblem */
export async function followOver(live: Live, channel: string, after: Position | undefined): Promise<CatchUp> {
  return toCatchUp(await live.follow(channel, after))
}
