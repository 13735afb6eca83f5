import { type Client } from 'pg'
import { type Registry } from '../../kernel/pipeline/registry'
import { sqlState, toRefusal } from '../../kernel/pipeline/errors'
import { describeError } from '../../kernel/platform/log'
import { openTopics, type TopicSubscription } from '../../kernel/platform/open-topics'
import { type AppContext } from '../../kernel/platform/app-context'
import { type WakeUp, createWakeUp } from '../wake-up'
import { runOnDedicatedConnection } from '../dedicated-connection'
import { findDirtyTargets, flushCounters, type FlushResult, targetKey, type CounterTarget } from './flush-counters'
import { FailingTargets } from './failing-targets'
import { type StateValue, type StateStore } from './state-store'
import { FlushWindows } from './flush-windows'

/** Key of the session advisory lock of the leader; must be unique in this database. */
const leadLock = 7_283_341
/** Poll interval: the leader looks for changes in case a wake-up was lost, the others try to become leader. */
const pollMs = 200

export interface CounterFlusher extends AsyncDisposable {
  readonly isLeader: boolean
}

/**
 * Applies pending counter changes. One node is the leader, so that a target is updated at most once per window: the first change at
 * once, all changes of a window in one update. Two leaders for a moment do no harm, because each flush takes a lock of its own.
 */
export function startCounterFlusher(
  app: AppContext,
  registry: Registry,
  values: StateStore,
  onValue: (channel: string, key: string, value: StateValue) => void,
): CounterFlusher {
  return new NodeFlusher(app, registry, values, onValue)
}

class NodeFlusher implements CounterFlusher {
  isLeader = false
  private readonly closing = new AbortController()
  private readonly wakeUp: WakeUp = createWakeUp()
  private readonly windows: FlushWindows
  private readonly failing: FailingTargets
  private readonly stopListening: () => void
  private readonly notifications: TopicSubscription
  private readonly ended: Promise<void>

  constructor(
    private readonly app: AppContext,
    private readonly registry: Registry,
    private readonly values: StateStore,
    private readonly onValue: (channel: string, key: string, value: StateValue) => void,
  ) {
    this.windows = new FlushWindows(app.clock)
    this.failing = new FailingTargets(app.clock)
    this.stopListening = app.counters.onNotify(this.onNotified)
    this.notifications = openTopics(app.redis, app.counters.topic, (_name, target) => this.onNotified(target))
    this.notifications.subscribe(['']).catch(() => undefined)
    const { wakeUp, closing } = this
    this.ended = runOnDedicatedConnection(app, { name: 'tutti-flusher', wakeUp, closing: closing.signal }, connection =>
      this.work(connection).finally(() => (this.isLeader = false)),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort()
    this.wakeUp.notify()
    this.stopListening()
    this.notifications[Symbol.dispose]()
    await this.ended
  }

  /** Wakes the leader, unless the target is within its window; then it is flushed when the window ends. */
  private readonly onNotified = (target: string): boolean => {
    if (this.isLeader && this.windows.hasEnded(target)) this.wakeUp.notify()
    return this.isLeader
  }

  private isOpen(): boolean {
    return !this.closing.signal.aborted
  }

  private async work(connection: Client): Promise<void> {
    while (this.isOpen()) {
      this.isLeader ||= await tryLead(connection)
      await this.wakeUp.wait(this.isLeader ? await this.flushDue(connection) : pollMs)
    }
  }

  /** Applies the due changes; returns the milliseconds until the next look. */
  private async flushDue(connection: Client): Promise<number> {
    this.windows.deleteEnded()
    const dirty = (await findDirtyTargets(connection, this.registry)).filter(
      target => !this.failing.isBackingOff(targetKey(target)),
    )
    const due = dirty.filter(target => this.windows.hasEnded(targetKey(target)))
    const flushed = due.length === 0 ? undefined : await this.tryFlush(due)
    if (flushed?.more === true) return 0
    return Math.min(this.windows.untilNextMs(dirty.map(targetKey)) || pollMs, pollMs)
  }

  /** Flushes all targets together; one by one those that failed before, and all when the common flush fails. */
  private async tryFlush(due: readonly CounterTarget[]): Promise<FlushResult | undefined> {
    const failing = due.filter(target => this.failing.has(targetKey(target)))
    const others = due.filter(target => !failing.includes(target))
    let flushed: FlushResult | undefined
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

  private async flushAlone(target: CounterTarget): Promise<void> {
    try {
      await this.flushOnce([target])
      this.failing.clear(targetKey(target))
    } catch (error) {
      if (isDatabaseDown(error)) throw error
      this.countFailure(error)
      this.failing.add(targetKey(target))
    }
  }

  private countFailure(error: unknown): void {
    this.app.metrics.counterFlushes.inc({ outcome: 'failed' })
    this.app.log.warn(describeError(error), 'could not apply counter changes, will retry')
  }

  private async flushOnce(due: readonly CounterTarget[]): Promise<FlushResult> {
    const { metrics, clock } = this.app
    const flushed = await flushCounters(this.app, this.registry, due)
    const { applied, changes, oldest } = flushed
    for (const { target, channel, key, value } of applied) {
      this.windows.begin(targetKey(target))
      if (value === undefined) continue
      this.onValue(channel, key, value)
      void this.values.publish(channel, key, value)
    }
    if (oldest === undefined) return flushed
    metrics.counterFlushes.inc({ outcome: 'done' })
    metrics.counterFlushChanges.observe(changes)
    metrics.counterLag.observe(Math.max(clock.now() - oldest.getTime(), 0) / 1_000)
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
