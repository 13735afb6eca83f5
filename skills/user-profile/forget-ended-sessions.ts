import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'

/** An ended session is forgotten when the last of its tokens has expired. */
export const forgetEndedSessions = job({
  name: 'user-profile.forgetEndedSessions',
  payload: nothing,
  attemptsMax: 3,
  cron: '41 * * * *',

  run: (_payload, { transact }) => transact(({ world, now }) => world.revocations.forget(now)),
})
