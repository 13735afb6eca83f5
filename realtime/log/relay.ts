import { setTimeout as pause } from 'node:timers/promises'
import { type Client } from 'pg'
import { type Registry } from '../../kernel/pipeline/registry'
import { invalidate } from '../../kernel/pipeline/invalidate'
import { type ChannelEvent } from '../../kernel/events/frames'
import { describeError } from '../../kernel/platform/log'
import { type AppContext } from '../../kernel/platform/app-context'
import { type WakeUp, createWakeUp } from '../wake-up'
import { runOnDedicatedConnection } from '../dedicated-connection'
import { nextPendingEvents, oldestPendingAge, type PendingEvent, assignOverdueOffsets } from './pending-events'
import { relayConnectionName, ShardLocks } from './shard-locks'

const batchMax = 500
const pollMs = 100
/** After a batch of `from` events or more, wait `waitMs`: one query for the next events of a burst costs PostgreSQL much less. */
const burst = { from: 8, waitMs: 5 }
/** Rebalance interval: stopped relays leave shards free, new relays need some. */
const rebalanceEveryMs = { withAll: 1_000, withSome: 250 }
/** Release all shards after this many failures: another relay may reach Redis when this one cannot. */
const releaseAfterFailures = 3

export interface Relay extends AsyncDisposable {
  /** The shards that this node relays at the moment. */
  readonly shards: readonly number[]
}

/**
 * Assigns offsets to committed events and publishes them to Redis, in order within each shard. A relay holds a shard by a session
 * advisory lock; two holders for a moment do no harm, because assigning offsets is serialized and a repeated append is skipped.
 * Pending rows are deleted only after Redis has taken them, so a crash loses nothing; while Redis is down the nodes poll PostgreSQL.
 */
export function startRelay(app: AppContext, registry: Registry): Relay {
  return new NodeRelay(app, registry)
}

class NodeRelay implements Relay {
  private readonly closing = new AbortController()
  private readonly wakeUp: WakeUp = createWakeUp()
  private readonly wake: Disposable
  private readonly ended: Promise<void>
  private shardLocks = new ShardLocks()
  /** `seq` numbers of the rows that are in Redis but not deleted yet. */
  private taken: readonly string[] = []

  constructor(
    private readonly app: AppContext,
    private readonly registry: Registry,
  ) {
    this.wake = app.channelLog.onNotify(shard => {
      const isOurs = this.shardLocks.has(shard)
      if (isOurs) this.wakeUp.notify()
      return isOurs
    })
    const { wakeUp, closing } = this
    const options = { name: relayConnectionName, wakeUp, closing: closing.signal }
    this.ended = runOnDedicatedConnection(app, options, async connection => {
      this.shardLocks = new ShardLocks()
      this.taken = []
      await this.work(connection).finally(() => (this.shardLocks = new ShardLocks()))
    })
  }

  get shards(): readonly number[] {
    return this.shardLocks.shards
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort()
    this.wakeUp.notify()
    this.wake[Symbol.dispose]()
    await this.ended
  }

  private isOpen(): boolean {
    return !this.closing.signal.aborted
  }

  private async work(connection: Client): Promise<void> {
    let rebalanceAt = -Infinity
    let failures = 0
    while (this.isOpen()) {
      if (this.app.clock.now() >= rebalanceAt) {
        if (failures < releaseAfterFailures) await this.shardLocks.rebalance(connection)
        else await this.shardLocks.releaseAll(connection)
        // Assign overdue offsets in the shards of frozen relays, and in shards that nobody holds because Redis is down: the log must
        // go on, and the shard's holder publishes the events later.
        if (!this.shardLocks.hasAll) await assignOverdueOffsets(connection, this.shardLocks.otherShards)
        this.app.metrics.relayShards.set(this.shardLocks.shards.length)
        this.app.metrics.pendingAge.set(await oldestPendingAge(connection))
        rebalanceAt = this.app.clock.now() + rebalanceEveryMs[this.shardLocks.hasAll ? 'withAll' : 'withSome']
      }
      // Delete the published rows with the next read: one query per batch instead of two.
      const request = { shards: this.shardLocks.shards, taken: this.taken, max: batchMax }
      const pending =
        this.shardLocks.hasAny || this.taken.length > 0 ? await nextPendingEvents(connection, request) : []
      this.taken = []
      if (pending.length > 0) await this.publish(pending)
      if (pending.length > 0 && this.taken.length === 0) failures += 1
      else if (pending.length > 0 || (failures > 0 && (await this.app.redis.isUp()))) failures = 0
      if (pending.length >= burst.from && pending.length < batchMax) await pause(burst.waitMs)
      // Returns at once when a wake-up arrived meanwhile.
      if (this.taken.length < batchMax) await this.wakeUp.wait(pollMs)
    }
    await nextPendingEvents(connection, { shards: [], taken: this.taken, max: 0 })
  }

  private async publish(pending: readonly PendingEvent[]): Promise<void> {
    const { metrics } = this.app
    const startedAt = this.app.clock.now()
    await this.repeatInvalidation(pending)
    const published = await Promise.all([...byChannel(pending)].map(([channel, rows]) => this.append(channel, rows)))
    const taken = published.flat()
    this.taken = taken.map(({ seq }) => seq)
    const tookSeconds = (this.app.clock.now() - startedAt) / 1_000
    for (const { ageSeconds } of taken) metrics.relayLatency.observe(Math.max(ageSeconds, 0) + tookSeconds)
    metrics.relayedEvents.inc(taken.length)
  }

  /** Repeats the post-commit cache invalidation, in case the process died in between; before publishing, since followers may read. */
  private async repeatInvalidation(pending: readonly PendingEvent[]): Promise<void> {
    const unique = new Map(pending.map(({ event, seq }) => [event?.id ?? seq, event]))
    const emitted = [...unique.values()].flatMap(event => {
      const type = this.registry.events.find(({ name }) => name === event?.name)
      return type === undefined || event === undefined ? [] : [{ type, data: event.data }]
    })
    await invalidate(this.app, emitted)
  }

  /** Appends to the copy in Redis and publishes; returns the rows that are done, all or none. */
  private async append(channel: string, rows: readonly PendingEvent[]): Promise<readonly PendingEvent[]> {
    const events = rows.flatMap(({ event }) => event ?? [])
    const epoch = rows[0]?.epoch ?? ''
    try {
      const answer = await this.app.channelCache.append(channel, epoch, events)
      if ('gap' in answer) await this.fillGap(channel, answer.gap)
      else this.app.metrics.relayDuplicates.inc(answer.repeated)
      return rows
    } catch (error) {
      this.app.log.debug({ channel, ...describeError(error) }, 'could not publish events, will retry')
      return []
    }
  }

  /** Fills a gap between the copy in Redis and the new events from PostgreSQL. */
  private async fillGap(channel: string, top: number): Promise<void> {
    this.app.metrics.logGaps.inc({ component: 'relay' })
    for (let at = top; ;) {
      const { epoch, events } = await this.app.channelLog.readAfter(channel, at, batchMax)
      const last: ChannelEvent | undefined = events.at(-1)
      if (last === undefined) return
      // The log's retention has deleted the gap: restart the copy.
      if (events[0]?.offset !== at + 1) await this.app.channelCache.evict(channel)
      await this.app.channelCache.append(channel, epoch, events)
      at = last.offset
    }
  }
}

function byChannel(pending: readonly PendingEvent[]): Map<string, PendingEvent[]> {
  const channels = new Map<string, PendingEvent[]>()
  for (const row of pending) {
    const rows = channels.get(row.channel)
    if (rows === undefined) channels.set(row.channel, [row])
    else rows.push(row)
  }
  return channels
}
