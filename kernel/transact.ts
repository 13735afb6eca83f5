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
/** A deadlock and a serialization failure: the whole transaction is worth another try. */
const passing = new Set(['40001', '40P01'])

export interface Transacting<A extends Actor | null> {
  world: World
  product: Product
  actor: A
  requestId: string
  /** Where the call comes from, if it is one. */
  address?: string
  agent?: string | null
}

/**
 * One business transaction: `work`, then the reactions of other skills to what it emitted, then the events, appended
 * last, so that two that wait for each other's rows are in the log in the order of their commits. After the commit the cache
 * drops what became stale and the relay is woken.
 */
export async function transact<T, A extends Actor | null>(
  call: Transacting<A>,
  work: (context: Context<A>) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await transactOnce(call, work)
    } catch (error) {
      if (tries === triesMax || !passing.has(sqlState(error) ?? '')) throw error
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
  const tallied = new Set<string>()
  let shards: readonly number[] = []
  const answer = await world.db.transaction(async () => {
    const context = contextWithin(call, emitted, tallied)
    const result = await work(context)
    for (let next = 0; next < emitted.length; next += 1) await react(product, emitted[next], context)
    // What is said to other skills alone has no channel.
    shards = await world.channels.append(
      emitted.map(({ announced }) => announced).filter(({ channels }) => channels.length > 0),
    )
    return result
  })
  if (emitted.length > 0) await settle(world, emitted, shards)
  world.tallies.ring(tallied)
  return answer
}

interface Emitted {
  type: AnyEventType
  announced: Announced
}

/** The context of a call that may change things. */
function contextWithin<A extends Actor | null>(
  call: Transacting<A>,
  emitted: Emitted[],
  tallied: Set<string>,
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
      const announced = {
        id: newId(now),
        name: type.name,
        at: now.toISOString(),
        channels: channelsOf(type, data),
        data,
      }
      emitted.push({ type, announced })
    },
    enqueue: (job, payload, options) => world.jobs.enqueue(job, parse(job.payload, payload), options),
    async tally(type, targetId, change, cause) {
      const added = { tally: type.name, targetId, change: parse(type.change, change), at: now }
      const isAdded = await world.tallies.change(added, cause)
      if (isAdded) tallied.add(targetName(type.name, targetId))
      return isAdded
    },
  }
}

async function react(product: Product, emitted: Emitted | undefined, context: Context): Promise<void> {
  if (emitted === undefined) return
  for (const reaction of product.reactions)
    if (reaction.to.name === emitted.type.name) await reaction.react(emitted.announced.data, context)
}

async function settle(world: World, emitted: readonly Emitted[], shards: readonly number[]): Promise<void> {
  await forgetStale(
    world,
    emitted.map(({ type, announced: { data } }) => ({ type, data })),
  )
  world.channels.wake(shards)
}
