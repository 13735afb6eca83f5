import { operation } from '../../kernel/pipeline/operation'
import { emptyObject } from '../../kernel/pipeline/schema'
import { countUnread, unreadCountMax, unreadView } from './views'

export const getUnreadCount = operation({
  name: 'notifications.getUnreadCount',
  route: 'GET /notifications/unread-count',
  summary: 'Get the number of unread notifications',
  description: `Counts up to ${unreadCountMax}; above that \`hasMoreUnread\` is true.`,
  auth: 'signed-in',
  input: emptyObject,
  output: unreadView,
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: async (_input, { actor }) => actor,

  allow: () => true,

  run: async ({ actor }, { app }) => (await countUnread(app, [actor.id]))(actor.id),
})
