import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'

const keptDays = 90
const perBatch = 1_000
const dayMs = 24 * 3_600_000

/** Notifications are kept for so many days after their latest activity. */
export const forgetOld = job({
  name: 'notifications.forgetOld',
  payload: nothing,
  attemptsMax: 3,
  cron: '17 4 * * *',

  async run(_payload, { transact, signal }) {
    let forgotten = perBatch
    while (forgotten === perBatch && !signal.aborted) {
      forgotten = await transact(async ({ world, now }) => {
        const rows = await world.db.query(
          `delete from notifications where id in (
             select id from notifications where latest_at < :oldest order by latest_at limit ${perBatch}
           ) returning id`,
          { oldest: new Date(now.getTime() - keptDays * dayMs) },
        )
        return rows.length
      })
    }
  },
})
