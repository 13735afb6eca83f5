import { type Socket } from 'socket.io'
import { type Engine } from '../kernel/engine'
import { type Context } from '../kernel/context'
import { type Actor } from '../kernel/actor'
import { takeFrom } from '../kernel/limits'
import { refusal, refusals } from '../kernel/refusals'
import { parse, pattern, shape } from '../kernel/schema'
import { type SocketCall } from './dispatch'

export const channelsPerSocketMax = 100
const followsPerMinute = 240

export const tooManyChannels = refusal('too_many_channels', 409, 'This socket follows as many channels as it may')

const wish = shape({ channel: pattern(/^[a-z]+:[0-9a-f-]{36}$/, 60) })

/** `channel.follow {channel}` and `channel.unfollow {channel}`: what a socket hears. */
export function followCalls(engine: Engine): [string, SocketCall][] {
  const follow: SocketCall = async ({ input }, { actor, address }, socket, requestId) => {
    await takeFrom(engine.world, 'channel.follow', followsPerMinute, { actor, address })
    const { channel } = parse(wish, input)
    await authorise(engine, channel, actor, requestId)
    // Counted only now: many wishes at once would all find room before the first is granted.
    if (channelsOf(socket).length >= channelsPerSocketMax && !socket.rooms.has(channel)) throw tooManyChannels()
    await socket.join(channel)
    return { data: { channel } }
  }
  const unfollow: SocketCall = async ({ input }, _caller, socket) => {
    const { channel } = parse(wish, input)
    await socket.leave(channel)
    return { data: { channel } }
  }
  return [
    ['channel.follow', follow],
    ['channel.unfollow', unfollow],
  ]
}

/** The channels that a socket follows. */
export const channelsOf = (socket: Socket): string[] => [...socket.rooms].filter(room => room.includes(':'))

/** @throws `not_found` for a channel that is not there or that the actor may not know of, `forbidden`. */
export async function authorise(
  engine: Pick<Engine, 'world' | 'product'>,
  channel: string,
  actor: Actor,
  requestId: string,
): Promise<void> {
  const { world, product } = engine
  const [kind = '', id = ''] = channel.split(':')
  const type = product.channels.find(candidate => candidate.kind === kind)
  if (type === undefined) throw refusals.notFound()
  const refuse = async () => {
    throw new Error('following announces nothing')
  }
  const now = new Date(world.clock.now())
  const context: Context<Actor> = { world, actor, requestId, now, emit: refuse, enqueue: refuse }
  const subject = await type.load(id, context)
  if (!type.allow(actor, subject)) throw refusals.forbidden()
}
