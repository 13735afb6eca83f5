import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'

const retentionDays = 90
const batchSize = 1_000
const dayMs = 24 * 3_600_000

/** Deletes notifications 90 days after their latest activity. */
export const forgetOld = job({
  name: 'notifications.forgetOld',
  payload: nothing,
  attemptsMax: 3,
  cron: '17 4 * * *',

  async run(_payload, { transact, signal }) {
    let deleted = batchSize
    while (deleted === batchSize && !signal.aborted) {
      deleted = await transact(async ({ world, now }) => {
        const rows = await world.db.query(
          `delete from notifications where id in (
             select id from notifications where latest_at < :oldest order by latest_at limit ${batchSize}
           ) returning id`,
          { oldest: new Date(now.getTime() - retentionDays * dayMs) },
        )
        return rows.length
      })
    }
  },
})
