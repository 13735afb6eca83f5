import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Actor } from './actor'
import { type Context } from './context'
import { type EmittedEvent, type AnyEventType, channelsOfEvent } from '../events/event'
import { sqlState } from './errors'
import { newId } from './new-id'
import { assertRegistered, type Registry } from './registry'
import { parse } from './schema'
import { invalidate } from './invalidate'
import { counterTargetKey } from '../events/counters'
import { type AppContext } from '../platform/app-context'

const triesMax = 4
/** SQLSTATE of a serialization failure and of a deadlock: retry the whole transaction. */
const retriedStates = new Set(['40001', '40P01'])

export interface TransactionOptions<A extends Actor | null> {
  app: AppContext
  registry: Registry
  actor: A
  requestId: string
  /** The client's IP address, if it is a call. */
  ipAddress?: string
  userAgent?: string | null
}

/**
 * Runs one business transaction: `work`, then the reactions of other skills to its events. The events are appended last, so
 * that transactions that block on each other's rows are in the log in commit order. After the commit, stale cache keys are
 * invalidated and the relays are notified.
 */
export async function transact<T, A extends Actor | null>(
  call: TransactionOptions<A>,
  work: (context: Context<A>) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await transactOnce(call, work)
    } catch (error) {
      if (tries === triesMax || !retriedStates.has(sqlState(error) ?? '')) throw error
      await pause(randomInt(10, 40 * tries))
    }
  }
}

async function transactOnce<T, A extends Actor | null>(
  call: TransactionOptions<A>,
  work: (context: Context<A>) => Promise<T>,
): Promise<T> {
  const { app, registry } = call
  const emitted: Emitted[] = []
  const changedCounters = new Set<string>()
  let shards: readonly number[] = []
  const answer = await app.db.transaction(async () => {
    const context = createTransactionContext(call, emitted, changedCounters)
    const result = await work(context)
    for (let next = 0; next < emitted.length; next += 1) await react(registry, emitted[next], context)
    // An event that only other skills react to has no channel.
    shards = await app.channelLog.append(
      emitted.map(({ event }) => event).filter(({ channels }) => channels.length > 0),
    )
    return result
  })
  if (emitted.length > 0) await afterCommit(app, emitted, shards)
  app.counters.notify(changedCounters)
  return answer
}

interface Emitted {
  type: AnyEventType
  event: EmittedEvent
}

/** The context within a transaction: collects events, enqueues jobs and counter changes. */
function createTransactionContext<A extends Actor | null>(
  call: TransactionOptions<A>,
  emitted: Emitted[],
  changedCounters: Set<string>,
): Context<A> {
  const { app, registry, actor, requestId, ipAddress = null, userAgent = null } = call
  const now = new Date(app.clock.now())
  return {
    app,
    actor,
    requestId,
    now,
    ipAddress,
    userAgent,
    async emit(type, payload) {
      assertRegistered(registry.events, type)
      const data = parse(type.payload, payload)
      const event = {
        id: newId(now),
        name: type.name,
        at: now.toISOString(),
        channels: channelsOfEvent(type, data),
        data,
      }
      emitted.push({ type, event })
    },
    async enqueue(job, payload, options) {
      assertRegistered(registry.jobs, job)
      await app.jobs.enqueue(job, parse(job.payload, payload), options)
    },
    async changeCounter(type, targetId, change, onlyIf) {
      assertRegistered(registry.counters, type)
      const added = { counter: type.name, targetId, change: parse(type.change, change), at: now }
      const isAdded = await app.counters.addChange(added, onlyIf)
      if (isAdded) changedCounters.add(counterTargetKey(type.name, targetId))
      return isAdded
    },
  }
}

async function react(registry: Registry, emitted: Emitted | undefined, context: Context): Promise<void> {
  if (emitted === undefined) return
  for (const reaction of registry.reactions)
    if (reaction.to.name === emitted.type.name) await reaction.react(emitted.event.data, context)
}

async function afterCommit(app: AppContext, emitted: readonly Emitted[], shards: readonly number[]): Promise<void> {
  await invalidate(
    app,
    emitted.map(({ type, event: { data } }) => ({ type, data })),
  )
  app.channelLog.notifyRelays(shards)
}
