import { operation } from '../../kernel/pipeline/operation'
import { toPage, pageOf, pageSize, pagingFields, parseCursor, firstPageCursor } from '../../kernel/pipeline/paging'
import { shape } from '../../kernel/pipeline/schema'
import { notificationRetentionDays } from './delete-old-notifications'
import { listVisibleNotifications, viewNotification, notificationView } from './views'

export const listNotifications = operation({
  name: 'notifications.listNotifications',
  route: 'GET /notifications',
  summary: 'List your notifications',
  description: `Latest activity first. Notifications are deleted ${notificationRetentionDays} days after their latest activity.`,
  auth: 'signed-in',
  input: shape({ ...pagingFields }),
  output: pageOf(notificationView),
  limit: { perMinute: 120 },
  idempotency: 'read',

  async load(input, { actor, app }) {
    const after = parseCursor(input, 2) ?? firstPageCursor
    return listVisibleNotifications(app, { recipientId: actor.id, after, limit: pageSize(input) + 1 })
  },

  allow: () => true,

  run: async ({ input, subject: rows }) =>
    toPage(rows, pageSize(input), row => [row.at.toISOString(), row.id]).map(viewNotification),
})
