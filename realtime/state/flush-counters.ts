import { randomUUID } from 'node:crypto'
import { type ClientBase } from 'pg'
import { type Registry } from '../../kernel/pipeline/registry'
import { transact } from '../../kernel/pipeline/transact'
import { type AppContext } from '../../kernel/platform/app-context'
import { counterTargetKey } from '../../kernel/events/counters'
import { type StateValue } from './state-store'

const changesMax = 5_000
const targetsMax = 500
const lockTimeoutMs = 500
/** Key of the transaction-level advisory lock of a flush; must be unique in this database. */
const flushLock = 7_283_342

export interface CounterTarget {
  counter: string
  targetId: string
}

export const targetKey = ({ counter, targetId }: CounterTarget): string => counterTargetKey(counter, targetId)

/** Targets with pending changes, oldest change first. */
export async function findDirtyTargets(
  connection: ClientBase,
  { counters }: Pick<Registry, 'counters'>,
): Promise<CounterTarget[]> {
  const { rows } = await connection.query<CounterTarget>({
    name: 'dirty-counters',
    text: `select counter, target_id as "targetId"
           from (select seq, counter, target_id from counter_changes where counter = any($1) order by seq limit ${changesMax}) as waiting
           group by 1, 2 order by min(seq) limit ${targetsMax}`,
    values: [counters.map(({ name }) => name)],
  })
  return rows
}

export interface FlushResult {
  /** The applied targets with their new values; no value when the target no longer exists. */
  applied: { target: CounterTarget; channel: string; key: string; value: StateValue | undefined }[]
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
export async function flushCounters(
  app: AppContext,
  registry: Registry,
  targets: readonly CounterTarget[],
): Promise<FlushResult> {
  return transact({ app, registry, actor: null, requestId: randomUUID() }, async context => {
    const flushed: FlushResult = { applied: [], changes: 0, oldest: undefined, more: false }
    const [lock] = await app.db.query<{ got: boolean }>(lockFlush, { flushLock, lockTimeout: `${lockTimeoutMs}ms` })
    if (lock?.got !== true) return flushed
    const taken = await app.db.query<TakenChange>(takeChanges, { targets: JSON.stringify(targets) })
    for (const type of registry.counters) {
      const changes = taken.filter(({ counter }) => counter === type.name)
      if (changes.length === 0) continue
      const values = await type.apply(changes, context)
      for (const targetId of new Set(changes.map(change => change.targetId))) {
        const target = { counter: type.name, targetId }
        flushed.applied.push({
          target,
          channel: `${type.channelKind}:${targetId}`,
          key: type.stateKey,
          value: values.get(targetId),
        })
      }
    }
    return { ...flushed, changes: taken.length, oldest: taken[0]?.at, more: taken.length === changesMax }
  })
}

interface TakenChange extends CounterTarget {
  change: unknown
  at: Date
}

/** Bounds the wait for a locked target, which would delay all others. */
const lockFlush = `
  select pg_try_advisory_xact_lock(:flushLock) as got, set_config('lock_timeout', :lockTimeout, true)`

const takeChanges = `
  with taken as (
    delete from counter_changes where seq in (
      select seq from counter_changes
      join jsonb_to_recordset(cast(:targets as jsonb)) as target (counter text, "targetId" uuid)
        on counter_changes.target_id = target."targetId" and counter_changes.counter = target.counter
      order by seq limit ${changesMax}
    ) returning seq, counter, target_id, change, at
  )
  select counter, target_id as "targetId", change, at from taken order by seq`
