import { keysKeptHours } from './idempotency'
import { job } from './job'
import { type Skill } from './product'
import { nothing } from './schema'

/** A client that was away for longer loads a snapshot. */
export const logKeptDays = 7

const deleteExpiredKeys = job({
  name: 'kernel.forgetKeys',
  payload: nothing,
  attemptsMax: 3,
  cron: '17 * * * *',

  async run(_payload, { world }) {
    const before = new Date(world.clock.now() - keysKeptHours * 3_600_000)
    await world.db.query('delete from idempotency_keys where created_at < :before', { before })
  },
})

const maintainChannelLog = job({
  name: 'kernel.keepChannelLog',
  payload: nothing,
  attemptsMax: 3,
  cron: '7 * * * *',

  run: (_payload, { world }) => world.channels.keep(logKeptDays),
})

const releaseDeadWorkers = job({
  name: 'kernel.releaseDeadWorkers',
  payload: nothing,
  attemptsMax: 1,
  cron: '* * * * *',

  run: (_payload, { world }) => world.jobs.releaseDeadWorkers(),
})

/** Scheduled maintenance of the kernel's own tables. */
export const upkeep: Skill = { jobs: [deleteExpiredKeys, maintainChannelLog, releaseDeadWorkers] }
