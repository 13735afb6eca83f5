import { setTimeout as pause } from 'node:timers/promises'
import { type Client } from 'pg'
import { type Product } from '../../kernel/product'
import { forgetStale } from '../../kernel/stale'
import { type StreamEvent } from '../../kernel/stream'
import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'
import { type Bell, createBell } from '../bell'
import { workOnSeat } from '../seat'
import { nextPending, oldestAge, type Pending, placeStarving } from './pending'
import { seatName, Shards } from './shards'

const batchMax = 500
const pollMs = 100
/** Where so many come in one look, as many more come in a moment: one look for all of them costs PostgreSQL much less. */
const crowd = { from: 8, gatherMs: 5 }
/** Others that end leave shards behind, and those that come want some. */
const rebalanceEveryMs = { withAll: 1_000, withSome: 250 }
/** Others may reach the Redis that we cannot. */
const handOverAfterFailures = 3

export interface Relay extends AsyncDisposable {
  /** The shards that this node hands on at the moment. */
  readonly shards: readonly number[]
}

/**
 * Gives committed events their places in the log, and hands them on to Redis, shard by shard, each in its order. It holds a shard
 * by a session lock; that two hold one for a moment does no harm, since places are given by one at a time, and an append that
 * was made before is skipped. Rows are deleted only when Redis has taken them, so that nothing is lost whatever dies; while
 * Redis is away the nodes read PostgreSQL themselves.
 */
export function startRelay(world: World, product: Product): Relay {
  return new NodeRelay(world, product)
}

class NodeRelay implements Relay {
  private readonly closing = new AbortController()
  private readonly bell: Bell = createBell()
  private readonly wake: Disposable
  private readonly ended: Promise<void>
  private held = new Shards()
  /** The numbers of the rows that are in Redis, and not deleted yet. */
  private taken: readonly string[] = []

  constructor(
    private readonly world: World,
    private readonly product: Product,
  ) {
    this.wake = world.channels.onWake(shard => {
      const isOurs = this.held.has(shard)
      if (isOurs) this.bell.ring()
      return isOurs
    })
    const { bell, closing } = this
    const sitting = { name: seatName, bell, closing: closing.signal }
    this.ended = workOnSeat(world, sitting, async seat => {
      this.held = new Shards()
      this.taken = []
      await this.work(seat).finally(() => (this.held = new Shards()))
    })
  }

  get shards(): readonly number[] {
    return this.held.list
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort()
    this.bell.ring()
    this.wake[Symbol.dispose]()
    await this.ended
  }

  private isOpen(): boolean {
    return !this.closing.signal.aborted
  }

  private async work(seat: Client): Promise<void> {
    let rebalanceAt = -Infinity
    let failures = 0
    while (this.isOpen()) {
      if (this.world.clock.now() >= rebalanceAt) {
        if (failures < handOverAfterFailures) await this.held.rebalance(seat)
        else await this.held.releaseAll(seat)
        // Of relays that are frozen or do not know of places (those of the release before), or of nobody because Redis is away:
        // the log must go on, and whoever holds a shard finds it there to be handed on.
        if (!this.held.isAll) await placeStarving(seat, this.held.others)
        this.world.metrics.relayShards.set(this.held.list.length)
        this.world.metrics.pendingAge.set(await oldestAge(seat))
        rebalanceAt = this.world.clock.now() + rebalanceEveryMs[this.held.isAll ? 'withAll' : 'withSome']
      }
      // What Redis has taken goes with the next look: one query for each batch instead of two.
      const look = { shards: this.held.list, taken: this.taken, max: batchMax }
      const pending = this.held.any || this.taken.length > 0 ? await nextPending(seat, look) : []
      this.taken = []
      if (pending.length > 0) await this.handOn(pending)
      if (pending.length > 0 && this.taken.length === 0) failures += 1
      else if (pending.length > 0 || (failures > 0 && (await this.isRedisThere()))) failures = 0
      if (pending.length >= crowd.from && pending.length < batchMax) await pause(crowd.gatherMs)
      // A ring that came meanwhile cuts the rest short.
      if (this.taken.length < batchMax) await this.bell.wait(pollMs)
    }
    await nextPending(seat, { shards: [], taken: this.taken, max: 0 })
  }

  private async handOn(pending: readonly Pending[]): Promise<void> {
    const { metrics } = this.world
    const lookedAt = this.world.clock.now()
    await this.forgetStale(pending)
    const handed = await Promise.all([...byChannel(pending)].map(([channel, rows]) => this.append(channel, rows)))
    const taken = handed.flat()
    this.taken = taken.map(({ seq }) => seq)
    const tookSeconds = (this.world.clock.now() - lookedAt) / 1_000
    for (const { ageSeconds } of taken) metrics.relayLag.observe(Math.max(ageSeconds, 0) + tookSeconds)
    metrics.relayed.inc(taken.length)
  }

  /** Once more after the commit's own try: the process may have died between the two. Before anybody is told, who may ask. */
  private async forgetStale(pending: readonly Pending[]): Promise<void> {
    const once = new Map(pending.map(({ event, seq }) => [event?.id ?? seq, event]))
    const happened = [...once.values()].flatMap(event => {
      const type = this.product.events.find(({ name }) => name === event?.name)
      return type === undefined || event === undefined ? [] : [{ type, data: event.data }]
    })
    await forgetStale(this.world, happened)
  }

  /** The rows that are done with: all or none. */
  private async append(channel: string, rows: readonly Pending[]): Promise<readonly Pending[]> {
    const events = rows.flatMap(({ event }) => event ?? [])
    const epoch = rows[0]?.epoch ?? ''
    try {
      const answer = await this.world.channelCache.append(channel, epoch, events)
      if ('gap' in answer) await this.fillGap(channel, answer.gap)
      else this.world.metrics.relayRepeats.inc(answer.repeated)
      return rows
    } catch (error) {
      this.world.log.debug({ channel, ...describeError(error) }, 'not handed on')
      return []
    }
  }

  /** Redis lacks something between what it has and ours. */
  private async fillGap(channel: string, top: number): Promise<void> {
    this.world.metrics.gaps.inc({ where: 'relay' })
    for (let at = top; ;) {
      const { epoch, events } = await this.world.channels.after(channel, at, batchMax)
      const last: StreamEvent | undefined = events.at(-1)
      if (last === undefined) return
      // What the log itself has forgotten cannot be filled in: the copy begins anew.
      if (events[0]?.offset !== at + 1) await this.world.channelCache.forget(channel)
      await this.world.channelCache.append(channel, epoch, events)
      at = last.offset
    }
  }

  private isRedisThere(): Promise<boolean> {
    return this.world.redis.ping().then(
      () => true,
      () => false,
    )
  }
}

function byChannel(pending: readonly Pending[]): Map<string, Pending[]> {
  const channels = new Map<string, Pending[]>()
  for (const row of pending) {
    const rows = channels.get(row.channel)
    if (rows === undefined) channels.set(row.channel, [row])
    else rows.push(row)
  }
  return channels
}
