import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Actor } from './actor'
import { type Context } from './context'
import { type Announced, type AnyEventType, channelsOf } from './event'
import { sqlState } from './faults'
import { newId } from './ids'
import { type Product } from './product'
import { parse } from './schema'
import { forgetStale } from './stale'
import { targetName } from './world/tallies'
import { type World } from './world'

const triesMax = 4
/** SQLSTATE of a serialization failure and of a deadlock: retry the whole transaction. */
const retriedStates = new Set(['40001', '40P01'])

export interface Transacting<A extends Actor | null> {
  world: World
  product: Product
  actor: A
  requestId: string
  /** The client's IP address, if it is a call. */
  address?: string
  agent?: string | null
}

/**
 * Runs one business transaction: `work`, then the reactions of other skills to its events. The events are appended last, so
 * that transactions that block on each other's rows are in the log in commit order. After the commit, stale cache keys are
 * invalidated and the relays are notified.
 */
export async function transact<T, A extends Actor | null>(
  call: Transacting<A>,
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
  call: Transacting<A>,
  work: (context: Context<A>) => Promise<T>,
): Promise<T> {
  const { world, product } = call
  const emitted: Emitted[] = []
  const changedCounters = new Set<string>()
  let shards: readonly number[] = []
  const answer = await world.db.transaction(async () => {
    const context = createTransactionContext(call, emitted, changedCounters)
    const result = await work(context)
    for (let next = 0; next < emitted.length; next += 1) await react(product, emitted[next], context)
    // An event that only other skills react to has no channel.
    shards = await world.channels.append(
      emitted.map(({ event }) => event).filter(({ channels }) => channels.length > 0),
    )
    return result
  })
  if (emitted.length > 0) await afterCommit(world, emitted, shards)
  world.tallies.ring(changedCounters)
  return answer
}

interface Emitted {
  type: AnyEventType
  event: Announced
}

/** The context within a transaction: collects events, enqueues jobs and counter changes. */
function createTransactionContext<A extends Actor | null>(
  call: Transacting<A>,
  emitted: Emitted[],
  changedCounters: Set<string>,
): Context<A> {
  const { world, actor, requestId, address = null, agent = null } = call
  const now = new Date(world.clock.now())
  return {
    world,
    actor,
    requestId,
    now,
    address,
    agent,
    async emit(type, payload) {
      const data = parse(type.payload, payload)
      const event = {
        id: newId(now),
        name: type.name,
        at: now.toISOString(),
        channels: channelsOf(type, data),
        data,
      }
      emitted.push({ type, event })
    },
    enqueue: (job, payload, options) => world.jobs.enqueue(job, parse(job.payload, payload), options),
    async tally(type, targetId, change, cause) {
      const added = { tally: type.name, targetId, change: parse(type.change, change), at: now }
      const isAdded = await world.tallies.change(added, cause)
      if (isAdded) changedCounters.add(targetName(type.name, targetId))
      return isAdded
    },
  }
}

async function react(product: Product, emitted: Emitted | undefined, context: Context): Promise<void> {
  if (emitted === undefined) return
  for (const reaction of product.reactions)
    if (reaction.to.name === emitted.type.name) await reaction.react(emitted.event.data, context)
}

async function afterCommit(world: World, emitted: readonly Emitted[], shards: readonly number[]): Promise<void> {
  await forgetStale(
    world,
    emitted.map(({ type, event: { data } }) => ({ type, data })),
  )
  world.channels.wake(shards)
}
