import { operation } from '../../kernel/operation'
import { pageFrom, pageOf, pageSize, paging, readCursor } from '../../kernel/paging'
import { shape } from '../../kernel/schema'
import { newest } from '../user-profile/views'
import { shownOf, viewNotification } from './shown'
import { notificationView } from './views'

export const listNotifications = operation({
  name: 'notifications.listNotifications',
  route: 'GET /notifications',
  summary: 'List your notifications',
  description: 'Latest activity first. Notifications are deleted 90 days after their latest activity.',
  who: 'signed-in',
  input: shape({ ...paging }),
  output: pageOf(notificationView),
  limit: { perMinute: 120 },
  idempotency: 'read',

  async load(input, { actor, world }) {
    const after = readCursor(input, 2) ?? newest
    return shownOf(world, { recipientId: actor.id, after, limit: pageSize(input) + 1 })
  },

  allow: () => true,

  run: async ({ input, subject: rows }) =>
    pageFrom(rows, pageSize(input), row => [row.at.toISOString(), row.id], viewNotification),
})
