import { type Context } from '../../kernel/pipeline/context'
import { type RecipientActivity } from './activity'
import { notificationAdded, notificationWithdrawn } from './events'
import { findVisibleNotifications, countUnread, viewNotification } from './views'
import { storeActivities } from './store-activities'
import { withdrawActivities } from './withdraw-activities'

/**
 * Stores activities, in the order in which they happened, and withdraws others; one that was read stays as it was. Emits each
 * changed notification once, in its final state. Inboxes are locked in id order, so that concurrent changes cannot deadlock.
 */
export async function applyChanges(
  { added = [], withdrawn = [] }: { added?: readonly RecipientActivity[]; withdrawn?: readonly RecipientActivity[] },
  context: Context,
): Promise<void> {
  const { app, emit } = context
  if (withdrawn.length > 0) await lockInboxes([...added, ...withdrawn], context)
  const increased = await storeActivities(added, context)
  const decreased = await withdrawActivities(withdrawn, context)
  const changed = new Map([...decreased, ...increased].map(one => [one.id, one]))
  if (changed.size === 0) return
  const increasedIds = new Set(increased.map(({ id }) => id))
  const visible = new Map((await findVisibleNotifications(app, [...changed.keys()])).map(row => [row.id, row]))
  const unread = await countUnread(app, [...new Set([...changed.values()].map(({ recipientId }) => recipientId))])
  for (const { id, recipientId } of changed.values()) {
    const row = visible.get(id)
    const notification = row === undefined ? null : viewNotification(row)
    if (notification !== null && increasedIds.has(id))
      await emit(notificationAdded, { recipientId, notification, ...unread(recipientId) })
    else if (!increasedIds.has(id) || decreased.some(one => one.id === id))
      await emit(notificationWithdrawn, { recipientId, notificationId: id, notification, ...unread(recipientId) })
  }
}

const lockInboxes = (activities: readonly RecipientActivity[], { app }: Context) =>
  app.db.query('select from notification_inboxes where profile_id in (:recipientIds) order by profile_id for update', {
    recipientIds: [...new Set(activities.map(({ recipientId }) => recipientId))],
  })
