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

/** Key of the session advisory lock of the leader; must be unique in this database. */
const leadLock = 7_283_341
/** Poll interval: the leader looks for changes in case a wake-up was lost, the others try to become leader. */
const pollMs = 200

export interface Flusher extends AsyncDisposable {
  readonly leads: boolean
}

/**
 * Applies pending counter changes. One node is the leader, so that a target is updated at most once per window: the first change at
 * once, all changes of a window in one update. Two leaders for a moment do no harm, because each flush takes a lock of its own.
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
  private readonly failing: Suspects
  private readonly stopListening: () => void
  private readonly ended: Promise<void>

  constructor(
    private readonly world: World,
    private readonly product: Product,
    private readonly values: Values,
    private readonly hear: (channel: string, key: string, value: StateValue) => void,
  ) {
    this.windows = new Windows(world.clock)
    this.failing = new Suspects(world.clock)
    this.stopListening = world.tallies.onRing(this.onWakeUp)
    const { subscriber } = world.redis
    subscriber.on('message', this.onMessage)
    subscriber.subscribe(world.tallies.topic).catch(() => undefined)
    const { bell, closing } = this
    this.ended = workOnSeat(world, { name: 'tutti-flusher', bell, closing: closing.signal }, connection =>
      this.work(connection).finally(() => (this.leads = false)),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort()
    this.bell.ring()
    this.stopListening()
    this.world.redis.subscriber.off('message', this.onMessage)
    await this.ended
  }

  private readonly onMessage = (topic: string, target: string): void => {
    if (topic === this.world.tallies.topic) this.onWakeUp(target)
  }

  /** Wakes the leader, unless the target is within its window; then it is flushed when the window ends. */
  private readonly onWakeUp = (target: string): boolean => {
    if (this.leads && this.windows.isOver(target)) this.bell.ring()
    return this.leads
  }

  private isOpen(): boolean {
    return !this.closing.signal.aborted
  }

  private async work(connection: Client): Promise<void> {
    while (this.isOpen()) {
      this.leads ||= await tryLead(connection)
      await this.bell.wait(this.leads ? await this.flushDue(connection) : pollMs)
    }
  }

  /** Applies the due changes; returns the milliseconds until the next look. */
  private async flushDue(connection: Client): Promise<number> {
    this.windows.forgetOver()
    const dirty = (await dirtyTargets(connection, this.product)).filter(
      target => !this.failing.isLeftAlone(nameOf(target)),
    )
    const due = dirty.filter(target => this.windows.isOver(nameOf(target)))
    const flushed = due.length === 0 ? undefined : await this.tryFlush(due)
    if (flushed?.more === true) return 0
    return Math.min(this.windows.untilNextMs(dirty.map(nameOf)) || pollMs, pollMs)
  }

  /** Flushes all targets together; one by one those that failed before, and all when the common flush fails. */
  private async tryFlush(due: readonly Target[]): Promise<Flushed | undefined> {
    const failing = due.filter(target => this.failing.has(nameOf(target)))
    const others = due.filter(target => !failing.includes(target))
    let flushed: Flushed | undefined
    try {
      if (others.length > 0) flushed = await this.flushOnce(others)
    } catch (error) {
      if (isDatabaseDown(error)) throw error
      this.countFailure(error)
      failing.push(...others)
    }
    for (const target of failing) if (this.isOpen()) await this.flushAlone(target)
    return flushed
  }

  private async flushAlone(target: Target): Promise<void> {
    try {
      await this.flushOnce([target])
      this.failing.clear(nameOf(target))
    } catch (error) {
      if (isDatabaseDown(error)) throw error
      this.countFailure(error)
      this.failing.add(nameOf(target))
    }
  }

  private countFailure(error: unknown): void {
    this.world.metrics.tallyFlushes.inc({ outcome: 'failed' })
    this.world.log.warn(describeError(error), 'could not apply counter changes, will retry')
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

/** SQL states that a single target can cause: lock timeout, statement timeout, serialization failure, deadlock. */
const targetErrors = new Set(['55P03', '57014', '40001', '40P01'])

/** Whether the database is unavailable, rather than one target failing. */
const isDatabaseDown = (error: unknown): boolean =>
  toRefusal(error).kind.status === 503 && !targetErrors.has(sqlState(error) ?? '')

async function tryLead(connection: Client): Promise<boolean> {
  const { rows } = await connection.query<{ got: boolean }>({
    name: 'lead-flushing',
    text: 'select pg_try_advisory_lock($1) as got',
    values: [leadLock],
  })
  return rows[0]?.got === true
}
