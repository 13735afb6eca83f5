import { operation } from '../../kernel/pipeline/operation'
import { done, doneAnswer, emptyObject } from '../../kernel/pipeline/schema'

export const clearHistory = operation({
  name: 'plays.clearHistory',
  route: 'DELETE /me/history',
  summary: 'Clear your listening history',
  description: 'Play counts of artists stay.',
  auth: 'signed-in',
  input: emptyObject,
  output: done,
  limit: { perMinute: 10 },
  idempotency: 'natural',

  load: async () => undefined,

  allow: () => true,

  async run({ actor }, { app }) {
    await app.db.query('delete from history_entries where profile_id = :profileId returning 1', { profileId: actor.id })
    return doneAnswer
  },
})
