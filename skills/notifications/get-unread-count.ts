import { operation } from '../../kernel/operation'
import { nothing } from '../../kernel/schema'
import { unreadOf } from './shown'
import { unreadView } from './views'

export const getUnreadCount = operation({
  name: 'notifications.getUnreadCount',
  route: 'GET /notifications/unread-count',
  summary: 'Get the number of unread notifications',
  description: 'Counts up to 99; above that `more` is true.',
  who: 'signed-in',
  input: nothing,
  output: unreadView,
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: async (_input, { actor }) => actor,

  allow: () => true,

  run: async ({ actor }, { world }) => (await unreadOf(world, [actor.id]))(actor.id),
})
