import { operation } from '../../kernel/pipeline/operation'
import { historySettings } from './views'

export const updateHistorySettings = operation({
  name: 'plays.updateHistorySettings',
  route: 'PUT /me/history/settings',
  summary: 'Pause or resume your listening history',
  description: 'Pausing keeps the tracks that are in it; clear it separately.',
  auth: 'signed-in',
  input: historySettings,
  output: historySettings,
  limit: { perMinute: 30 },
  idempotency: 'natural',

  load: async () => undefined,

  allow: () => true,

  async run({ input: { enabled }, actor }, { app }) {
    const sql = 'update profiles set history_enabled = :enabled where id = :profileId returning 1'
    await app.db.query(sql, { enabled, profileId: actor.id })
    return { enabled }
  },
})
