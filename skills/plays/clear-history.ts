import { operation } from '../../kernel/operation'
import { done, isDone, nothing } from '../../kernel/schema'

export const clearHistory = operation({
  name: 'plays.clearHistory',
  route: 'DELETE /me/history',
  summary: 'Clear your listening history',
  description: 'Play counts of artists stay.',
  who: 'signed-in',
  input: nothing,
  output: done,
  limit: { perMinute: 10 },
  idempotency: 'natural',

  load: async () => undefined,

  allow: () => true,

  async run({ actor }, { world }) {
    await world.db.query('delete from listened where profile_id = :profileId returning 1', { profileId: actor.id })
    return isDone
  },
})
