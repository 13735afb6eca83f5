import { type Server, type Socket } from 'socket.io'
import { type Pipeline } from '../../kernel/pipeline/pipeline'
import { invalidField, refusals } from '../../kernel/pipeline/refusals'
import { signalInput } from '../../kernel/events/protocol'
import { parse, shape } from '../../kernel/pipeline/schema'
import { type AnySignalType } from '../../kernel/events/signal'
import { type CallHandler } from './call-dispatcher'
import { slowRoom } from '../connection/slow-followers'
import { type BusyUntil, type Rate, takeTokens } from '../connection/token-bucket'

export const signalRate: Rate = { perSecond: 10, burst: 20 }

/**
 * `channel.signal {channel, name, data}`: broadcast to the other followers on all nodes, at most once. Every follower may signal, so
 * the check is the room membership, without a query. Slow sockets are skipped.
 */
export function signalCalls(
  { app, registry }: Pick<Pipeline, 'app' | 'registry'>,
  io: Server,
): [string, CallHandler][] {
  const sent = app.metrics.signals
  const busyUntil = new WeakMap<Socket, BusyUntil>()

  /** @throws `too_many_requests` */
  function consume(socket: Socket): void {
    const taken = takeTokens(busyUntil.get(socket) ?? 0, signalRate, app.clock.now())
    if (taken.waitMs > 0) throw refusals.tooManyRequests(undefined, { retryAfter: 1 })
    busyUntil.set(socket, taken.busyUntil)
  }

  const signal: CallHandler = async ({ input }, { actor }, socket) => {
    try {
      consume(socket)
      const { channel, name, data = {} } = parse(signalInput, input)
      const type = typeOf(registry.signals, channel, name)
      if (!socket.rooms.has(channel)) throw refusals.forbidden('follow the channel first')
      const checked = parse(shape({ data: type.data }), { data })
      const frame = { channel, name, senderId: actor.id, data: checked.data }
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
  throw invalidField('name', 'not_allowed', message)
}
