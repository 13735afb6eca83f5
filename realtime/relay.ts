import { Client } from 'pg'
import { type Server } from 'socket.io'
import { type Product } from '../kernel/product'
import { describeError } from '../kernel/world/log'
import { type World } from '../kernel/world'
import { createBell } from './bell'
import { askRightsAgain } from './rights'
import { eventsAfter, forgetDelivered, lastPlace, type Placed, placeEvents } from './event-order'

/** Any number that nobody else uses: who holds this advisory lock gives events their places. */
const lockKey = 7_283_332
const pollMs = 100
const reconnectMs = 500
const forgetEveryMs = 30_000
const answerWithinMs = 6_000

export interface Relay extends AsyncDisposable {
  /** Whether this node gives events their places at the moment. */
  readonly leads: boolean
}

/**
 * Delivers announced events to the followers connected to this node. One node at a time leads: it gives each event its
 * place in one order; every node reads in that order behind its own place and tells its own sockets. So all hear the
 * same, once, and neither a Redis that is away nor the death of the leader loses anything: Redis only carries the bell.
 * The leader holds a session lock on a connection used for nothing else, so that its death frees it.
 */
export async function startRelay(world: World, product: Product, io: Server): Promise<Relay> {
  const closing = new AbortController()
  const isOpen = () => !closing.signal.aborted
  const bell = createBell()
  const channels = { pending: `${world.redis.prefix}:wake`, placed: `${world.redis.prefix}:placed` }
  let leads = false
  let at: string | undefined
  let forgottenAt = -Infinity

  const onMessage = (channel: string) => {
    if (channel === channels.placed || (channel === channels.pending && leads)) bell.ring()
  }
  world.redis.subscriber.on('message', onMessage)
  world.redis.subscriber.subscribe(channels.pending, channels.placed).catch(() => undefined)

  async function lead(seat: Client): Promise<void> {
    leads ||= await takeLead(seat)
    if (!leads) return
    if ((await placeEvents(world, product, seat)) > 0) void world.redis.publisher.publish(channels.placed, '')
    if (world.clock.now() - forgottenAt < forgetEveryMs) return
    forgottenAt = world.clock.now()
    await forgetDelivered(seat)
  }

  async function follow(seat: Client): Promise<void> {
    while (isOpen()) {
      at ??= await lastPlace(seat)
      started()
      await lead(seat)
      const events = await eventsAfter(at, seat)
      if (events.length === 0) await bell.wait(pollMs)
      else {
        at = deliver(world, io, at, events)
        askAgainAfter(events)
      }
    }
  }

  function askAgainAfter(events: readonly Placed[]): void {
    for (const { name, data } of events) {
      const unsettled = product.events.find(type => type.name === name)?.unsettles?.(data)
      if (unsettled !== undefined) void askRightsAgain({ world, product }, io, unsettled)
    }
  }

  async function serve(): Promise<void> {
    while (isOpen()) {
      const seat = takeSeat(world)
      try {
        await seat.connect()
        await follow(seat)
      } catch (error) {
        if (isOpen()) world.log.warn(describeError(error), 'the relay lost its seat')
      }
      leads = false
      started()
      await seat.end().catch(() => undefined)
      if (isOpen()) await bell.wait(reconnectMs)
    }
  }

  let started: () => void = () => undefined
  // Whoever connects before the place is known could miss what happens in between.
  const knowsItsPlace = new Promise<void>(resolve => (started = resolve))
  const ended = serve()
  await knowsItsPlace
  return {
    get leads() {
      return leads
    },
    [Symbol.asyncDispose]: async () => {
      closing.abort()
      bell.ring()
      world.redis.subscriber.off('message', onMessage)
      await ended
    },
  }
}

function takeSeat(world: World): Client {
  const seat = new Client({
    connectionString: world.db.url,
    application_name: 'tutti-relay',
    keepAlive: true,
    connectionTimeoutMillis: answerWithinMs,
    query_timeout: answerWithinMs,
  })
  seat.on('error', () => undefined)
  return seat
}

async function takeLead(seat: Client): Promise<boolean> {
  const { rows } = await seat.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [lockKey])
  return rows[0]?.got === true
}

/** Tells the sockets of this node; answers the new place. */
function deliver(world: World, io: Server, at: string, events: readonly Placed[]): string {
  if (BigInt(events[0]?.position ?? 0) !== BigInt(at) + 1n) {
    world.log.error({ at }, 'this node was away for too long: its sockets must come again')
    for (const socket of io.sockets.sockets.values()) socket.conn.close()
  }
  for (const [channel, frame] of byChannel(events)) io.local.to(channel).emit('events', { channel, events: frame })
  const now = world.clock.now()
  for (const { at } of events) world.metrics.deliveryLag.observe(Math.max(now - Date.parse(at), 0) / 1000)
  world.metrics.delivered.inc(events.length)
  return events.at(-1)?.position ?? at
}

/** All events of a batch for one channel travel in one frame. */
function byChannel(events: readonly Placed[]): Map<string, object[]> {
  const frames = new Map<string, object[]>()
  for (const { id, name, at, data, channels } of events)
    for (const channel of channels) {
      const frame = frames.get(channel)
      if (frame === undefined) frames.set(channel, [{ id, name, at, data }])
      else frame.push({ id, name, at, data })
    }
  return frames
}
