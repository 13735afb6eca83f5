import { job } from '../../kernel/events/job'
import { emptyObject } from '../../kernel/pipeline/schema'

/** Deletes revocations once the last token that they concern has expired. */
export const deleteExpiredRevocations = job({
  name: 'user-profile.deleteExpiredRevocations',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '41 * * * *',

  run: (_payload, { transact }) => transact(({ app, now }) => app.revocations.deleteExpired(now)),
})
