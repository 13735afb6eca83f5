import { operation } from '../../kernel/operation'
import { historyKeeping } from './views'

export const keepHistory = operation({
  name: 'plays.keepHistory',
  route: 'PUT /me/history/keeping',
  summary: 'Pause or resume your listening history',
  description: 'Pausing keeps the tracks that are in it; clear it separately.',
  who: 'signed-in',
  input: historyKeeping,
  output: historyKeeping,
  limit: { perMinute: 30 },
  idempotency: 'natural',

  load: async () => undefined,

  allow: () => true,

  async run({ input: { isKept }, actor }, { world }) {
    const sql = 'update profiles set keeps_history = :isKept where id = :profileId returning 1'
    await world.db.query(sql, { isKept, profileId: actor.id })
    return { isKept }
  },
})
