import { type AppContext } from '../platform/app-context'
import { type JobContext } from './job'

const perBatch = 100
const lowestId = '00000000-0000-0000-0000-000000000000'

/** A table with denormalized counts and a `counts_rev`. Both change only under the row's lock. */
export interface CountedTable {
  readonly table: string
  readonly counts: readonly StoredCount[]
}

interface StoredCount {
  /** The name of the count in views. */
  readonly name: string
  readonly column: string
  /** SQL: table and condition of the rows counted for the row `target`. */
  readonly source: string
  /** SQL: the sum of the counter changes not yet applied to the column. */
  readonly pending?: string
}

/**
 * Compares the denormalized counts of a table, plus their pending changes, with the rows they count, and repairs differences.
 * Reads see the repaired count at once; followers see it with the next change.
 */
export async function reconcileCounts(counted: CountedTable, context: JobContext): Promise<void> {
  const { log, metrics } = context.app
  const drift: Record<string, number> = {}
  for await (const repaired of repairs(counted, context))
    for (const [index, { name }] of counted.counts.entries()) {
      const off = repaired.reduce((sum, { by }) => sum + Math.abs(by[index] ?? 0), 0)
      metrics.counterDrift.inc({ counter: name }, off)
      drift[name] = (drift[name] ?? 0) + off
    }
  log.info({ drift }, 'counts reconciled')
}

/** Yields, batch by batch, the differences that were repaired. */
async function* repairs(counted: CountedTable, { app, transact, signal }: JobContext): AsyncGenerator<Difference[]> {
  let after: string | undefined = lowestId
  while (after !== undefined && !signal.aborted) {
    const batch = `target.id > :after order by target.id limit ${perBatch}`
    const compared: Difference[] = await compare(counted, batch, { after }, app)
    const suspects = compared.filter(isWrong).map(({ id }) => id)
    yield suspects.length === 0 ? [] : await transact(() => repair(counted, suspects, app))
    after = compared.length < perBatch ? undefined : compared.at(-1)?.id
  }
}

interface Difference {
  id: string
  /** Expected minus stored, in the order of `counts`. */
  by: number[]
}

const isWrong = ({ by }: Difference) => by.some(off => off !== 0)

/**
 * Finds differences without a lock. A counted row and its counter change commit together, as do the applied count and the
 * removal of its changes, so in the snapshot of one statement any difference is an error, even while others write.
 */
function compare(
  { table, counts }: CountedTable,
  which: string,
  names: Record<string, unknown>,
  { db }: AppContext,
): Promise<Difference[]> {
  const by = counts.map(count => `${expected(count)} - target.${count.column}`)
  return db.query(
    `select target.id, cast(array[${by.join(', ')}] as integer[]) as by from ${table} target where ${which}`,
    names,
  )
}

/** SQL: the correct value of the column now: the counted rows without the pending changes. */
const expected = ({ source, pending }: StoredCount) =>
  `(select count(*) from ${source})${pending === undefined ? '' : ` - ${pending}`}`

/** Compares again under the row locks that every change of these counts takes, and repairs what still differs. */
async function repair(counted: CountedTable, suspects: readonly string[], app: AppContext): Promise<Difference[]> {
  const { table, counts } = counted
  await app.db.query(`select from ${table} where id in (:suspects) order by id for no key update`, { suspects })
  const wrong = (await compare(counted, 'target.id in (:suspects)', { suspects }, app)).filter(isWrong)
  const right = counts.map(count => `${count.column} = ${expected(count)}`)
  const update = `update ${table} target set ${right.join(', ')}, counts_rev = counts_rev + 1 where id in (:ids)`
  if (wrong.length > 0) await app.db.query(update, { ids: wrong.map(({ id }) => id) })
  return wrong
}
