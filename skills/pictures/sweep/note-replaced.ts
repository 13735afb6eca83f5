import { type JobContext } from '../../../kernel/job'

const batchMax = 1_000

/** Sets `replaced_at` where the previous release left it null; now is the latest possible time. */
export async function noteReplaced({ world, signal }: Pick<JobContext, 'world' | 'signal'>): Promise<void> {
  for (let updated = batchMax; updated === batchMax && !signal.aborted;) {
    const rows = await world.db.call(
      `update pictures set replaced_at = $1 where id in
         (select id from pictures where state = 'replaced' and replaced_at is null limit $2 for update skip locked)
       returning id`,
      [new Date(world.clock.now()), batchMax],
    )
    updated = rows.length
  }
}
