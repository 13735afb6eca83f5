import { type Context } from '../../kernel/pipeline/context'
import { job } from '../../kernel/events/job'
import { runInBatches } from '../../kernel/events/run-in-batches'
import { emptyObject } from '../../kernel/pipeline/schema'

export const notificationRetentionDays = 90
const batchSize = 1_000
const dayMs = 24 * 3_600_000

/** Deletes notifications whose latest activity is older than the retention. */
export const deleteOldNotifications = job({
  name: 'notifications.deleteOldNotifications',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '17 4 * * *',

  run: (_payload, context) => runInBatches(batchSize, deleteBatch, context),
})

async function deleteBatch({ app, now }: Context): Promise<number> {
  const rows = await app.db.query(
    `delete from notifications where id in (
       select id from notifications where latest_at < :oldest order by latest_at limit ${batchSize}
     ) returning id`,
    { oldest: new Date(now.getTime() - notificationRetentionDays * dayMs) },
  )
  return rows.length
}
