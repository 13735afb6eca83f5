import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'

/** Deletes revocations once the last token that they concern has expired. */
export const forgetEndedSessions = job({
  name: 'user-profile.forgetEndedSessions',
  payload: nothing,
  attemptsMax: 3,
  cron: '41 * * * *',

  run: (_payload, { transact }) => transact(({ world, now }) => world.revocations.forget(now)),
})
