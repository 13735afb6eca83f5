import { operation } from '../../kernel/pipeline/operation'
import { emptyObject } from '../../kernel/pipeline/schema'
import { historySettings } from './views'

export const getHistorySettings = operation({
  name: 'plays.getHistorySettings',
  route: 'GET /me/history/settings',
  summary: 'Get your history settings',
  description: 'Whether your listening history is recorded or paused.',
  auth: 'signed-in',
  input: emptyObject,
  output: historySettings,
  limit: { perMinute: 240 },
  idempotency: 'read',

  load: async () => undefined,

  allow: () => true,

  async run({ actor }, { app }) {
    const sql = 'select history_enabled as "enabled" from profiles where id = :profileId'
    const [profile] = await app.db.query<{ enabled: boolean }>(sql, { profileId: actor.id })
    return { enabled: profile?.enabled ?? true }
  },
})
