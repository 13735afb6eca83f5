import { randomUUID } from 'node:crypto'
import { type ClientBase } from 'pg'
import { type Product } from '../../kernel/product'
import { transact } from '../../kernel/transact'
import { type World } from '../../kernel/world'
import { targetName } from '../../kernel/world/tallies'
import { type StateValue } from './values'

const changesMax = 5_000
const targetsMax = 500
const lockTimeoutMs = 500
/** Key of the transaction-level advisory lock of a flush; must be unique in this database. */
const flushLock = 7_283_342

export interface Target {
  tally: string
  targetId: string
}

export const nameOf = ({ tally, targetId }: Target): string => targetName(tally, targetId)

/** Targets with pending changes, oldest change first. */
export async function dirtyTargets(connection: ClientBase, { tallies }: Pick<Product, 'tallies'>): Promise<Target[]> {
  const { rows } = await connection.query<Target>({
    name: 'dirty-tallies',
    text: `select tally, target_id as "targetId"
           from (select seq, tally, target_id from tally_changes where tally = any($1) order by seq limit ${changesMax}) as waiting
           group by 1, 2 order by min(seq) limit ${targetsMax}`,
    values: [tallies.map(({ name }) => name)],
  })
  return rows
}

export interface Flushed {
  /** The applied targets with their new values; no value when the target no longer exists. */
  settled: { target: Target; channel: string; key: string; value: StateValue | undefined }[]
  changes: number
  /** When the oldest of the changes was made. */
  oldest: Date | undefined
  /** Whether these targets may have more pending changes. */
  more: boolean
}

/**
 * Deletes the pending changes of these targets and applies them, in one transaction, so that a crash leaves them pending. A second
 * flusher does nothing while the lock is held: changes of one target must be applied in order, or a like could be published
 * after its removal.
 */
export async function flush(world: World, product: Product, targets: readonly Target[]): Promise<Flushed> {
  return transact({ world, product, actor: null, requestId: randomUUID() }, async context => {
    const flushed: Flushed = { settled: [], changes: 0, oldest: undefined, more: false }
    const [lock] = await world.db.query<{ got: boolean }>(lockFlush, { flushLock, lockTimeout: `${lockTimeoutMs}ms` })
    if (lock?.got !== true) return flushed
    const taken = await world.db.query<TakenChange>(takeChanges, { targets: JSON.stringify(targets) })
    for (const type of product.tallies) {
      const changes = taken.filter(({ tally }) => tally === type.name)
      if (changes.length === 0) continue
      const values = await type.settle(changes, context)
      for (const targetId of new Set(changes.map(change => change.targetId))) {
        const target = { tally: type.name, targetId }
        flushed.settled.push({
          target,
          channel: `${type.kind}:${targetId}`,
          key: type.key,
          value: values.get(targetId),
        })
      }
    }
    return { ...flushed, changes: taken.length, oldest: taken[0]?.at, more: taken.length === changesMax }
  })
}

interface TakenChange extends Target {
  change: unknown
  at: Date
}

/** Bounds the wait for a locked target, which would delay all others. */
const lockFlush = `
  select pg_try_advisory_xact_lock(:flushLock) as got, set_config('lock_timeout', :lockTimeout, true)`

const takeChanges = `
  with taken as (
    delete from tally_changes where seq in (
      select seq from tally_changes
      join jsonb_to_recordset(cast(:targets as jsonb)) as target (tally text, "targetId" uuid)
        on tally_changes.target_id = target."targetId" and tally_changes.tally = target.tally
      order by seq limit ${changesMax}
    ) returning seq, tally, target_id, change, at
  )
  select tally, target_id as "targetId", change, at from taken order by seq`
