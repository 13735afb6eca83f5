import { type Client } from 'pg'
import { type Product } from '../../kernel/product'
import { sqlState, toRefusal } from '../../kernel/faults'
import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'
import { type Bell, createBell } from '../bell'
import { workOnSeat } from '../seat'
import { dirtyTargets, flush, type Flushed, nameOf, type Target } from './flush'
import { Suspects } from './suspects'
import { type StateValue, type Values } from './values'
import { Windows } from './windows'

/** Any number that nobody else uses: who holds this advisory lock flushes. */
const leadLock = 7_283_341
/** A ring may be lost: so often the leader looks by itself, and the others whether it is gone. */
const pollMs = 200

export interface Flusher extends AsyncDisposable {
  readonly leads: boolean
}

/**
 * Settles the changes that wait. One node leads, so that a target is settled at most once a window, the first change at once;
 * that two lead for a moment does no harm, since a flush holds a lock of its own. What was made in a window is one update.
 */
export function startFlusher(
  world: World,
  product: Product,
  values: Values,
  hear: (channel: string, key: string, value: StateValue) => void,
): Flusher {
  return new NodeFlusher(world, product, values, hear)
}

class NodeFlusher implements Flusher {
  leads = false
  private readonly closing = new AbortController()
  private readonly bell: Bell = createBell()
  private readonly windows: Windows
  private readonly suspects: Suspects
  private readonly endRinging: () => void
  private readonly ended: Promise<void>

  constructor(
    private readonly world: World,
    private readonly product: Product,
    private readonly values: Values,
    private readonly hear: (channel: string, key: string, value: StateValue) => void,
  ) {
    this.windows = new Windows(world.clock)
    this.suspects = new Suspects(world.clock)
    this.endRinging = world.tallies.onRing(this.onRing)
    const { subscriber } = world.redis
    subscriber.on('message', this.onMessage)
    subscriber.subscribe(world.tallies.topic).catch(() => undefined)
    const { bell, closing } = this
    this.ended = workOnSeat(world, { name: 'tutti-flusher', bell, closing: closing.signal }, seat =>
      this.work(seat).finally(() => (this.leads = false)),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort()
    this.bell.ring()
    this.endRinging()
    this.world.redis.subscriber.off('message', this.onMessage)
    await this.ended
  }

  private readonly onMessage = (topic: string, target: string): void => {
    if (topic === this.world.tallies.topic) this.onRing(target)
  }

  /** What is in its window is looked at when that ends. */
  private readonly onRing = (target: string): boolean => {
    if (this.leads && this.windows.isOver(target)) this.bell.ring()
    return this.leads
  }

  private isOpen(): boolean {
    return !this.closing.signal.aborted
  }

  private async work(seat: Client): Promise<void> {
    while (this.isOpen()) {
      this.leads ||= await takeLead(seat)
      await this.bell.wait(this.leads ? await this.flushDue(seat) : pollMs)
    }
  }

  /** Settles what may be settled now; answers when to look again. */
  private async flushDue(seat: Client): Promise<number> {
    this.windows.forgetOver()
    const dirty = (await dirtyTargets(seat, this.product)).filter(target => !this.suspects.isLeftAlone(nameOf(target)))
    const due = dirty.filter(target => this.windows.isOver(nameOf(target)))
    const flushed = due.length === 0 ? undefined : await this.tryFlush(due)
    if (flushed?.more === true) return 0
    return Math.min(this.windows.untilNextMs(dirty.map(nameOf)) || pollMs, pollMs)
  }

  /** All at once, and each by itself where that fails, or has failed before. */
  private async tryFlush(due: readonly Target[]): Promise<Flushed | undefined> {
    const suspects = due.filter(target => this.suspects.has(nameOf(target)))
    const others = due.filter(target => !suspects.includes(target))
    let flushed: Flushed | undefined
    try {
      if (others.length > 0) flushed = await this.flushOnce(others)
    } catch (error) {
      if (isAway(error)) throw error
      this.fail(error)
      suspects.push(...others)
    }
    for (const suspect of suspects) if (this.isOpen()) await this.flushSuspect(suspect)
    return flushed
  }

  private async flushSuspect(target: Target): Promise<void> {
    try {
      await this.flushOnce([target])
      this.suspects.clear(nameOf(target))
    } catch (error) {
      if (isAway(error)) throw error
      this.fail(error)
      this.suspects.add(nameOf(target))
    }
  }

  private fail(error: unknown): void {
    this.world.metrics.tallyFlushes.inc({ outcome: 'failed' })
    this.world.log.warn(describeError(error), 'changes could not be settled')
  }

  private async flushOnce(due: readonly Target[]): Promise<Flushed> {
    const { metrics, clock } = this.world
    const flushed = await flush(this.world, this.product, due)
    const { settled, changes, oldest } = flushed
    for (const { target, channel, key, value } of settled) {
      this.windows.begin(nameOf(target))
      if (value === undefined) continue
      this.hear(channel, key, value)
      void this.values.publish(channel, key, value)
    }
    if (oldest === undefined) return flushed
    metrics.tallyFlushes.inc({ outcome: 'done' })
    metrics.tallyChanges.observe(changes)
    metrics.tallyLag.observe(Math.max(clock.now() - oldest.getTime(), 0) / 1_000)
    return flushed
  }
}

/** A lock that was not given, a statement that took too long, conflicts with others: this may be about one target alone. */
const ofOneTarget = new Set(['55P03', '57014', '40001', '40P01'])

/** The database is not there for anybody: no target is to blame. */
const isAway = (error: unknown): boolean =>
  toRefusal(error).kind.status === 503 && !ofOneTarget.has(sqlState(error) ?? '')

async function takeLead(seat: Client): Promise<boolean> {
  const { rows } = await seat.query<{ got: boolean }>({
    name: 'lead-flushing',
    text: 'select pg_try_advisory_lock($1) as got',
    values: [leadLock],
  })
  return rows[0]?.got === true
}
