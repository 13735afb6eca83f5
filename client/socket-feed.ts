import { type Feed, toCatchUp } from './feed'
import { type Live } from './live'
import { type CatchUp, type Position } from './stream'

/** A channel over the socket; what arrives on it is handed on by whoever listens to the socket. */
export const socketFeed = (live: Live, channel: string): Feed => ({
  transport: 'socket',
  ask: after => followOver(live, channel, after),
  close: () => live.askInTurn(channel, { name: 'channel.unfollow', input: { channel } }).catch(() => undefined),
})

/** Follows, also what is followed already: then it only reads. @throws TuttiProblem */
export async function followOver(live: Live, channel: string, after: Position | undefined): Promise<CatchUp> {
  const input = { channel, ...(after && { after }) }
  return toCatchUp((await live.askInTurn(channel, { name: 'channel.follow', input })).data)
}
