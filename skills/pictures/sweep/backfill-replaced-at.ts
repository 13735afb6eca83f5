import { type JobContext } from '../../../kernel/events/job'

const batchMax = 1_000

/** Sets `replaced_at` where the previous release left it null; now is the latest possible time. */
export async function backfillReplacedAt({ app, signal }: Pick<JobContext, 'app' | 'signal'>): Promise<void> {
  for (let updated = batchMax; updated === batchMax && !signal.aborted;) {
    const rows = await app.db.queryBound(
      `update pictures set replaced_at = $1 where id in
         (select id from pictures where state = 'replaced' and replaced_at is null limit $2 for update skip locked)
       returning id`,
      [new Date(app.clock.now()), batchMax],
    )
    updated = rows.length
  }
}
