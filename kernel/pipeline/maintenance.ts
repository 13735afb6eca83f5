import { idempotencyKeyTtlHours } from './idempotency'
import { job } from '../events/job'
import { abortMultipart, deleteObjects } from '../platform/delete-objects'
import { emptyObject } from './schema'

/** A client that was away for longer loads a snapshot. */
export const logRetentionDays = 7

const deleteExpiredKeys = job({
  name: 'kernel.deleteExpiredIdempotencyKeys',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '17 * * * *',

  async run(_payload, { app }) {
    const before = new Date(app.clock.now() - idempotencyKeyTtlHours * 3_600_000)
    await app.db.query('delete from idempotency_keys where created_at < :before', { before })
  },
})

const maintainChannelLog = job({
  name: 'kernel.maintainChannelLog',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '7 * * * *',

  run: (_payload, { app }) => app.channelLog.maintainPartitions(logRetentionDays),
})

const releaseDeadWorkers = job({
  name: 'kernel.unlockJobsOfDeadWorkers',
  payload: emptyObject,
  attemptsMax: 1,
  cron: '* * * * *',

  run: (_payload, { app }) => app.jobs.releaseDeadWorkers(),
})

/** The kernel's own jobs: scheduled maintenance of its tables, and deletions in the bucket. */
export const maintenance = { deleteExpiredKeys, maintainChannelLog, releaseDeadWorkers, abortMultipart, deleteObjects }
