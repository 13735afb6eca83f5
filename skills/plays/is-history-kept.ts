import { operation } from '../../kernel/operation'
import { nothing } from '../../kernel/schema'
import { historyKeeping } from './views'

export const isHistoryKept = operation({
  name: 'plays.isHistoryKept',
  route: 'GET /me/history/keeping',
  summary: 'Get your history settings',
  description: 'Whether your listening history is recorded or paused.',
  who: 'signed-in',
  input: nothing,
  output: historyKeeping,
  limit: { perMinute: 240 },
  idempotency: 'read',

  load: async () => undefined,

  allow: () => true,

  async run({ actor }, { world }) {
    const sql = 'select keeps_history as "isKept" from profiles where id = :profileId'
    const [profile] = await world.db.query<{ isKept: boolean }>(sql, { profileId: actor.id })
    return { isKept: profile?.isKept ?? true }
  },
})
