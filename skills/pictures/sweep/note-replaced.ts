import { type JobContext } from '../../../kernel/job'

const batchMax = 1_000

/** The release before does not say when it replaced a picture: then it was now, at the latest. */
export async function noteReplaced({ world, signal }: Pick<JobContext, 'world' | 'signal'>): Promise<void> {
  for (let noted = batchMax; noted === batchMax && !signal.aborted;) {
    const rows = await world.db.call(
      `update pictures set replaced_at = $1 where id in
         (select id from pictures where state = 'replaced' and replaced_at is null limit $2 for update skip locked)
       returning id`,
      [new Date(world.clock.now()), batchMax],
    )
    noted = rows.length
  }
}
