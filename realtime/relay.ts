import { Client } from 'pg'
import { type Server } from 'socket.io'
import { type Product } from '../kernel/product'
import { describeError } from '../kernel/world/log'
import { type World } from '../kernel/world'
import { type Bell, createBell } from './bell'
import { deliver } from './deliver'
import { eventsAfter, forgetDelivered, lastPlace, placeEvents } from './event-order'

/** Any number that nobody else uses: who holds this advisory lock gives events their places. */
const lockKey = 7_283_332
const pollMs = 100
const reconnectMs = 500
const forgetEveryMs = 30_000
const answerWithinMs = 6_000
/** What the leader calls to the other nodes, through the Redis adapter. */
const placed = 'placed'

export interface Relay extends AsyncDisposable {
  /** Whether this node gives events their places at the moment. */
  readonly leads: boolean
}

/**
 * Delivers announced events to the followers connected to this node. One node at a time leads: it gives each event its
 * place in one order; every node reads in that order behind its own place and tells its own sockets. So all hear the
 * same, once, and neither a Redis that is away nor the death of the leader loses anything: the Redis adapter carries
 * only the bell.
 * Resolves when this node knows its place: whoever connects before could miss what happens in between.
 */
export async function startRelay(world: World, product: Product, io: Server): Promise<Relay> {
  const relay = new NodeRelay(world, product, io)
  await relay.start()
  return relay
}

class NodeRelay implements Relay {
  leads = false
  private readonly closing = new AbortController()
  private readonly bell: Bell = createBell()
  private readonly pendingChannel: string
  private ended: Promise<void> | undefined
  /** The place of the last event that this node delivered. */
  private at: string | undefined
  private forgottenAt = -Infinity

  constructor(
    private readonly world: World,
    private readonly product: Product,
    private readonly io: Server,
  ) {
    this.pendingChannel = `${world.redis.prefix}:wake`
  }

  start(): Promise<void> {
    const { subscriber } = this.world.redis
    subscriber.on('message', this.onMessage)
    subscriber.subscribe(this.pendingChannel).catch(() => undefined)
    this.io.on(placed, this.onPlaced)
    return new Promise(started => {
      this.ended = this.serve(started)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort()
    this.bell.ring()
    this.world.redis.subscriber.off('message', this.onMessage)
    this.io.off(placed, this.onPlaced)
    await this.ended
  }

  private readonly onMessage = (channel: string): void => {
    if (channel === this.pendingChannel && this.leads) this.bell.ring()
  }

  private readonly onPlaced = (): void => this.bell.ring()

  private isOpen(): boolean {
    return !this.closing.signal.aborted
  }

  /** Keeps a connection used for nothing else: the leader's lock lives and dies with it. */
  private async serve(started: () => void): Promise<void> {
    while (this.isOpen()) {
      const seat = takeSeat(this.world)
      try {
        await seat.connect()
        await this.follow(seat, started)
      } catch (error) {
        if (this.isOpen()) this.world.log.warn(describeError(error), 'the relay lost its seat')
      }
      this.leads = false
      // A database that is away must not keep the node from starting: it says so by not being ready.
      started()
      await seat.end().catch(() => undefined)
      if (this.isOpen()) await this.bell.wait(reconnectMs)
    }
  }

  private async follow(seat: Client, started: () => void): Promise<void> {
    while (this.isOpen()) {
      this.at ??= await lastPlace(seat)
      started()
      await this.lead(seat)
      const events = await eventsAfter(this.at, seat)
      if (events.length === 0) await this.bell.wait(pollMs)
      else this.at = deliver(this.world, this.product, this.io, this.at, events)
    }
  }

  private async lead(seat: Client): Promise<void> {
    const { world, product, io } = this
    this.leads ||= await takeLead(seat)
    if (!this.leads) return
    if ((await placeEvents(world, product, seat)) > 0) io.serverSideEmit(placed)
    if (world.clock.now() - this.forgottenAt < forgetEveryMs) return
    this.forgottenAt = world.clock.now()
    await forgetDelivered(seat)
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
