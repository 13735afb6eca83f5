import { type Server, type Socket } from 'socket.io'
import { closings } from '../kernel/closings'
import { refusals } from '../kernel/refusals'
import { type World } from '../kernel/world'
import { closeConnection, refuseConnection } from './close-connection'
import { type Connection } from './close-transport'

type FloodWorld = Pick<World, 'metrics' | 'log' | 'clock'>

interface Rate {
  perSecond: number
  burst: number
}

export const callRate: Rate = { perSecond: 10, burst: 40 }
/** A client that comes back follows all its channels in one go, and may ask for several pages of some. */
export const followRate: Rate = { perSecond: 20, burst: 120 }
/** Of anything, answers to pings and what is no call included: far beyond what any client needs. */
export const packetRate: Rate = { perSecond: 100, burst: 1_000 }
export const refusedCallsMax = 200
const refusedWindowMs = 10_000
const comeBackAfterSeconds = 10

/** Asked before each call of a socket, by its name, or for so many of them; throws a refusal. */
export type CallGate = (socket: Socket, name: unknown, count?: number) => void

/**
 * What one connection may ask for, counted in memory: the limits of a person over all nodes cost a round trip each, and
 * come after this one. A connection that goes on although it is refused is closed.
 */
export function floodGate(world: FloodWorld): CallGate {
  // Not beside the socket: most of those that only listen never need one.
  const meters = new WeakMap<Socket, Meter>()
  const meterOf = (socket: Socket): Meter => {
    const meter = meters.get(socket) ?? { calls: 0, follows: 0, refused: 0, refusedSince: 0 }
    meters.set(socket, meter)
    return meter
  }
  return (socket, name, count = 1) => {
    const now = world.clock.now()
    const meter = meterOf(socket)
    const kind = follows.has(name) ? 'follows' : 'calls'
    const asked = take(meter[kind], rates[kind], now, count)
    meter[kind] = asked.busyUntil
    if (asked.waitMs === 0) return
    world.metrics.floods.inc({ outcome: 'refused' })
    if (countRefusal(meter, now) === refusedCallsMax) closeFlooding(world, socket)
    throw refusals.tooMany(undefined, { retryAfter: Math.ceil(asked.waitMs / 1_000) })
  }
}

/** Closes connections that send packets without end, of whatever kind, before anybody looks into them. */
export function limitPackets(world: FloodWorld, io: Server): void {
  const busyUntil = new WeakMap<Connection, number>()
  // One function for all, which the emitter calls on the connection: a closure for each would cost memory.
  function onPacket(this: Connection): void {
    const now = world.clock.now()
    const sent = take(busyUntil.get(this) ?? 0, packetRate, now)
    busyUntil.set(this, sent.busyUntil)
    if (sent.waitMs === 0 || this.readyState !== 'open') return
    closeFlooding(world, [...io.sockets.sockets.values()].find(({ conn }) => conn === this) ?? this)
  }
  io.engine.on('connection', (conn: Connection) => conn.on('packet', onPacket))
}

/** Of one socket; what may be counted for many is small. */
interface Meter {
  calls: BusyUntil
  follows: BusyUntil
  refused: number
  refusedSince: number
}

/**
 * Epoch milliseconds: what was asked for so far is worked off by then, one at a time at the rate that is allowed. A bucket
 * of tokens in one number (GCRA): it may lie as far ahead as a burst takes.
 */
type BusyUntil = number

const rates = { calls: callRate, follows: followRate }
const follows = new Set<unknown>(['channel.follow', 'channel.followAll', 'channel.unfollow'])

/** Asks for `count` more: `waitMs` is 0, or how long until there is room for them. */
function take(
  busyUntil: BusyUntil,
  { perSecond, burst }: Rate,
  now: number,
  count = 1,
): { busyUntil: BusyUntil; waitMs: number } {
  const eachMs = 1_000 / perSecond
  const until = Math.max(busyUntil, now) + count * eachMs
  const waitMs = Math.ceil(until - now - burst * eachMs)
  return waitMs > 0 ? { busyUntil, waitMs } : { busyUntil: until, waitMs: 0 }
}

function countRefusal(meter: Meter, now: number): number {
  if (now - meter.refusedSince > refusedWindowMs) Object.assign(meter, { refused: 0, refusedSince: now })
  meter.refused += 1
  return meter.refused
}

/** Closes it, signed in or not. */
export function closeFlooding(world: Pick<FloodWorld, 'metrics' | 'log'>, what: Socket | Connection): void {
  world.metrics.floods.inc({ outcome: 'closed' })
  world.log.warn('conn' in what ? { socketId: what.id } : {}, 'a connection was flooding')
  const why = { closing: closings.flooding, retryAfter: comeBackAfterSeconds }
  if ('conn' in what) closeConnection(world, what, why)
  else refuseConnection(world, what, why)
}
