import { randomUUID } from 'node:crypto'
import { type Server, type Socket } from 'socket.io'
import { closings } from '../kernel/closings'
import { refusals } from '../kernel/refusals'
import { type World } from '../kernel/world'
import { closeTransport, type Connection } from './close-transport'

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

/** Asked before each call of a socket, by its name; throws a refusal. */
export type CallGate = (socket: Socket, name: unknown) => void

/**
 * What one connection may ask for, counted in memory: the limits of a person over all nodes cost a round trip each, and
 * come after this one. A connection that goes on although it is refused is closed.
 */
export function floodGate(world: FloodWorld): CallGate {
  // Not beside the socket: most of those that only listen never need one.
  const meters = new WeakMap<Socket, Meter>()
  return (socket, name) => {
    const now = world.clock.now()
    const meter = meters.get(socket) ?? newMeter(now)
    meters.set(socket, meter)
    const isFollow = name === 'channel.follow' || name === 'channel.unfollow'
    const waitMs = isFollow ? take(meter.follows, followRate, now) : take(meter.calls, callRate, now)
    if (waitMs === 0) return
    world.metrics.floods.inc({ outcome: 'refused' })
    if (countRefusal(meter, now) === refusedCallsMax) closeFlooding(world, socket)
    throw refusals.tooMany(undefined, { retryAfter: Math.ceil(waitMs / 1_000) })
  }
}

/** Closes connections that send packets without end, of whatever kind, before anybody looks into them. */
export function limitPackets(world: FloodWorld, io: Server): void {
  const buckets = new WeakMap<Connection, Bucket>()
  // One function for all, which the emitter calls on the connection: a closure for each would cost memory.
  function onPacket(this: Connection): void {
    const now = world.clock.now()
    const bucket = buckets.get(this) ?? { tokens: packetRate.burst, at: now }
    buckets.set(this, bucket)
    if (take(bucket, packetRate, now) === 0 || this.readyState !== 'open') return
    const socket = [...io.sockets.sockets.values()].find(({ conn }) => conn === this)
    if (socket === undefined) {
      world.metrics.floods.inc({ outcome: 'closed' })
      closeTransport(this)
    } else closeFlooding(world, socket)
  }
  io.engine.on('connection', (conn: Connection) => conn.on('packet', onPacket))
}

interface Bucket {
  tokens: number
  at: number
}

interface Meter {
  calls: Bucket
  follows: Bucket
  refused: number
  refusedSince: number
}

const newMeter = (at: number): Meter => ({
  calls: { tokens: callRate.burst, at },
  follows: { tokens: followRate.burst, at },
  refused: 0,
  refusedSince: at,
})

/** Takes one token: 0, or the milliseconds until there is one. */
function take(bucket: Bucket, { perSecond, burst }: Rate, now: number): number {
  bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(now - bucket.at, 0) * perSecond) / 1_000)
  bucket.at = now
  if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) * 1_000) / perSecond)
  bucket.tokens -= 1
  return 0
}

function countRefusal(meter: Meter, now: number): number {
  if (now - meter.refusedSince > refusedWindowMs) Object.assign(meter, { refused: 0, refusedSince: now })
  meter.refused += 1
  return meter.refused
}

function closeFlooding(world: FloodWorld, socket: Socket): void {
  world.metrics.floods.inc({ outcome: 'closed' })
  world.log.warn({ socketId: socket.id }, 'a socket was flooding')
  const problem = closings.flooding.kind(undefined, { retryAfter: comeBackAfterSeconds }).toProblem(randomUUID())
  socket.emit('session.closed', problem)
  closeTransport(socket.conn)
}
