import { type Server, type Socket } from 'socket.io'
import { type Pipeline } from '../../kernel/pipeline/pipeline'
import { refusals } from '../../kernel/pipeline/refusals'
import { signalInput } from '../../kernel/events/protocol'
import { parse, shape } from '../../kernel/pipeline/schema'
import { type AnySignalType } from '../../kernel/events/signal'
import { type CallHandler } from './call-dispatcher'
import { slowRoom } from '../connection/slow-followers'

export const signalsPerSecond = 10
export const signalBurstMax = 20

/**
 * `channel.signal {channel, name, data}`: broadcast to the other followers on all nodes, at most once. Every follower may signal, so
 * the check is the room membership, without a query. Slow sockets are skipped.
 */
export function signalCalls(
  { app, registry }: Pick<Pipeline, 'app' | 'registry'>,
  io: Server,
): [string, CallHandler][] {
  const sent = app.metrics.signals
  const take = createTokenBuckets(() => app.clock.now())

  const signal: CallHandler = async ({ input }, { actor }, socket) => {
    try {
      take(socket)
      const { channel, name, data = {} } = parse(signalInput, input)
      const type = typeOf(registry.signals, channel, name)
      if (!socket.rooms.has(channel)) throw refusals.forbidden('follow the channel first')
      const checked = parse(shape({ data: type.data }), { data })
      const frame = { channel, name, by: actor.id, data: checked.data }
      // Not `volatile`: that drops messages while the transport is writing, so all but the first of a tick.
      io.to(channel).except([socket.id, slowRoom]).emit('signal', frame)
      sent.inc({ outcome: 'sent' })
      return { data: {} }
    } catch (error) {
      sent.inc({ outcome: 'refused' })
      throw error
    }
  }
  return [['channel.signal', signal]]
}

function typeOf(types: readonly AnySignalType[], channel: string, name: string): AnySignalType {
  const [kind] = channel.split(':')
  const allowed = types.filter(({ channelKind }) => channelKind === kind)
  const type = allowed.find(candidate => candidate.name === name)
  if (type !== undefined) return type
  const message = `on this channel name must be one of [${allowed.map(known => known.name).join(', ')}]`
  throw refusals.invalidInput(undefined, { errors: [{ path: 'name', code: 'not_allowed', message }] })
}

/** A token bucket per socket: `signalsAtOnceMax` at once, refilled at `signalsPerSecond`. @throws `too_many_requests` */
function createTokenBuckets(now: () => number): (socket: Socket) => void {
  const buckets = new WeakMap<Socket, { left: number; at: number }>()
  return socket => {
    const at = now()
    const bucket = buckets.get(socket) ?? { left: signalBurstMax, at }
    const filled = bucket.left + (Math.max(at - bucket.at, 0) / 1_000) * signalsPerSecond
    const left = Math.min(filled, signalBurstMax) - 1
    if (left < 0) throw refusals.tooManyRequests(undefined, { retryAfter: 1 })
    buckets.set(socket, { left, at })
  }
}
