import { type Server, type Socket } from 'socket.io'
import { closeReasons } from '../../kernel/events/close-reasons'
import { refusals } from '../../kernel/pipeline/refusals'
import { type AppContext } from '../../kernel/platform/app-context'
import { closeConnection, refuseConnection } from './close-connection'
import { type Connection } from './close-transport'
import { type BusyUntil, type Rate, takeTokens } from './token-bucket'

type LimitContext = Pick<AppContext, 'metrics' | 'log' | 'clock'>

export const callRate: Rate = { perSecond: 10, burst: 40 }
/** Higher than `callRate`: a client that reconnects follows all its channels at once, several pages of some. */
export const followRate: Rate = { perSecond: 20, burst: 120 }
/** Limit of all packets, pongs and invalid ones included; no client needs nearly as many. */
export const packetRate: Rate = { perSecond: 100, burst: 1_000 }
export const refusedCallsMax = 200
const refusedWindowMs = 10_000
const retryAfterSeconds = 10

/** Called before each call of a socket; `count` charges several calls at once. @throws a refusal */
export type CallGate = (socket: Socket, name: unknown, count?: number) => void

/**
 * Rate limit of calls per connection, counted in memory, before the limits per person in Redis, which cost a round trip each.
 * Closes a connection that keeps calling while it is refused.
 */
export function createCallRateLimit(app: LimitContext): CallGate {
  // Create a meter on the first call: most sockets only receive events and never need one.
  const meters = new WeakMap<Socket, Meter>()
  const meterOf = (socket: Socket): Meter => {
    const meter = meters.get(socket) ?? { calls: 0, follows: 0, refused: 0, refusedSince: 0 }
    meters.set(socket, meter)
    return meter
  }
  return (socket, name, count = 1) => {
    const now = app.clock.now()
    const meter = meterOf(socket)
    const kind = follows.has(name) ? 'follows' : 'calls'
    const taken = takeTokens(meter[kind], rates[kind], now, count)
    meter[kind] = taken.busyUntil
    if (taken.waitMs === 0) return
    app.metrics.socketRateLimits.inc({ outcome: 'refused' })
    if (countRefusal(meter, now) === refusedCallsMax) closeFloodingConnection(app, socket)
    throw refusals.tooManyRequests(undefined, { retryAfter: Math.ceil(taken.waitMs / 1_000) })
  }
}

/** Closes connections that exceed `packetRate`, before the packets are decoded. */
export function limitPacketRate(app: LimitContext, io: Server): void {
  const busyUntil = new WeakMap<Connection, number>()
  // Share one listener among all connections: a closure for each would cost memory.
  function onPacket(this: Connection): void {
    const now = app.clock.now()
    const sent = takeTokens(busyUntil.get(this) ?? 0, packetRate, now)
    busyUntil.set(this, sent.busyUntil)
    if (sent.waitMs === 0 || this.readyState !== 'open') return
    closeFloodingConnection(app, [...io.sockets.sockets.values()].find(({ conn }) => conn === this) ?? this)
  }
  io.engine.on('connection', (conn: Connection) => conn.on('packet', onPacket))
}

/** Rate limit state of one socket. Kept small: a node has many. */
interface Meter {
  calls: BusyUntil
  follows: BusyUntil
  refused: number
  refusedSince: number
}

const rates = { calls: callRate, follows: followRate }
const follows = new Set<unknown>(['channel.follow', 'channel.followAll', 'channel.unfollow'])

function countRefusal(meter: Meter, now: number): number {
  if (now - meter.refusedSince > refusedWindowMs) Object.assign(meter, { refused: 0, refusedSince: now })
  meter.refused += 1
  return meter.refused
}

/** Closes a flooding connection, authenticated or not. */
export function closeFloodingConnection(app: Pick<LimitContext, 'metrics' | 'log'>, target: Socket | Connection): void {
  app.metrics.socketRateLimits.inc({ outcome: 'closed' })
  app.log.warn('conn' in target ? { socketId: target.id } : {}, 'closed a flooding connection')
  const more = { retryAfter: retryAfterSeconds }
  if ('conn' in target) closeConnection(app, target, closeReasons.tooManyMessages, more)
  else refuseConnection(app, target, closeReasons.tooManyMessages, more)
}
