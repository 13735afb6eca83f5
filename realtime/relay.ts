import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { type Server } from 'socket.io'
import { type Announced } from '../kernel/event'
import { type Product } from '../kernel/product'
import { describeError } from '../kernel/world/log'
import { type World } from '../kernel/world'

/** Any number that nobody else uses: who holds this advisory lock delivers. */
const lockKey = 7_283_332
const batchMax = 500
const pollMs = 100
const standbyMs = 1_000

export interface Relay extends AsyncDisposable {
  /** Whether this node delivers at the moment. */
  readonly leads: boolean
}

/**
 * Delivers announced events to whoever follows their channels, on all nodes, in the order in which they were appended.
 * One node at a time leads: it holds a session lock on a connection used for nothing else, so that its death frees it.
 */
export function startRelay(world: World, product: Product, io: Server): Relay {
  const closing = new AbortController()
  const isOpen = () => !closing.signal.aborted
  let leads = false
  let wake: () => void = () => undefined
  const wakeChannel = `${world.redis.prefix}:wake`
  const onMessage = (channel: string) => {
    if (channel === wakeChannel) wake()
  }
  world.redis.subscriber.on('message', onMessage)
  world.redis.subscriber.subscribe(wakeChannel).catch(() => undefined)

  /** Resolves when woken, or after `ms`. */
  async function rest(ms: number): Promise<void> {
    const timer = new AbortController()
    const woken = new Promise<void>(resolve => (wake = resolve))
    await Promise.race([woken, pause(ms, undefined, { signal: timer.signal }).catch(() => undefined)])
    timer.abort()
  }

  async function lead(seat: Client): Promise<void> {
    while (isOpen()) {
      leads ||= await takeLead(seat)
      if (!leads) await rest(standbyMs)
      else if (!isReady(world) || !(await deliverBatch(world, product, io, seat))) await rest(pollMs)
    }
  }

  async function serve(): Promise<void> {
    while (isOpen()) {
      const seat = new Client({ connectionString: world.db.url, application_name: 'tutti-relay', keepAlive: true })
      seat.on('error', () => undefined)
      try {
        await seat.connect()
        await lead(seat)
      } catch (error) {
        if (isOpen()) world.log.warn(describeError(error), 'the relay lost its seat')
      }
      leads = false
      await seat.end().catch(() => undefined)
      if (isOpen()) await rest(standbyMs)
    }
  }

  const ended = serve()
  return {
    get leads() {
      return leads
    },
    [Symbol.asyncDispose]: async () => {
      closing.abort()
      wake()
      world.redis.subscriber.off('message', onMessage)
      await ended
    },
  }
}

/** Without Redis other nodes would not hear: the events wait until it is back. */
const isReady = ({ redis }: World) => redis.publisher.status === 'ready'

async function takeLead(seat: Client): Promise<boolean> {
  const { rows } = await seat.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [lockKey])
  return rows[0]?.got === true
}

interface Pending extends Announced {
  seq: string
}

/** Claims, delivers and deletes the oldest events; says whether there may be more. */
async function deliverBatch(world: World, product: Product, io: Server, seat: Client): Promise<boolean> {
  const { rows } = await seat.query<Pending>({
    name: 'pending-events',
    text: `select seq, id, name, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, channels, data
           from pending_events order by seq limit $1`,
    values: [batchMax],
  })
  if (rows.length === 0) return false
  // Once more after the commit's own try: the process may have died between the two.
  await world.cache.drop(rows.flatMap(({ name, data }) => staleBy(product, name, data)))
  for (const [channel, events] of byChannel(rows)) io.to(channel).emit('events', { channel, events })
  await seat.query('delete from pending_events where seq = any($1)', [rows.map(({ seq }) => seq)])
  for (const { at } of rows) world.metrics.deliveryLag.observe(Math.max(world.clock.now() - Date.parse(at), 0) / 1000)
  world.metrics.delivered.inc(rows.length)
  return rows.length === batchMax
}

const staleBy = (product: Product, name: string, data: unknown): readonly string[] =>
  product.events.find(type => type.name === name)?.stale?.(data) ?? []

/** All events of a batch for one channel travel in one frame. */
function byChannel(rows: readonly Pending[]): Map<string, object[]> {
  const frames = new Map<string, object[]>()
  for (const { id, name, at, data, channels } of rows)
    for (const channel of channels) frames.set(channel, [...(frames.get(channel) ?? []), { id, name, at, data }])
  return frames
}
