import { type Context } from '../../kernel/pipeline/context'
import { type Activity } from './activity'
import { notificationAdded, notificationWithdrawn } from './events'
import { findVisibleNotifications, countUnread, viewNotification } from './views'
import { storeActivities } from './store-activities'
import { withdrawActivities } from './withdraw-activities'

/**
 * Stores the activities `added`, in the order in which they happened, and takes back those `withdrawn`. Notifications that were
 * read stay as they are. Emits each changed notification once, in its final state.
 */
export async function applyChanges(
  { added = [], withdrawn = [] }: { added?: readonly Activity[]; withdrawn?: readonly Activity[] },
  context: Context,
): Promise<void> {
  const { app, emit } = context
  // Lock in id order, so that concurrent changes cannot deadlock. Without withdrawals, `storeActivities` takes all the locks.
  if (withdrawn.length > 0) await lockInboxes([...added, ...withdrawn], context)
  const increased = await storeActivities(added, context)
  const decreased = await withdrawActivities(withdrawn, context)
  const changed = new Map([...decreased, ...increased].map(one => [one.id, one]))
  if (changed.size === 0) return
  const increasedIds = new Set(increased.map(({ id }) => id))
  const decreasedIds = new Set(decreased.map(({ id }) => id))
  const visible = new Map((await findVisibleNotifications(app, [...changed.keys()])).map(row => [row.id, row]))
  const unread = await countUnread(app, [...new Set([...changed.values()].map(({ recipientId }) => recipientId))])
  for (const { id, recipientId } of changed.values()) {
    const row = visible.get(id)
    const notification = row === undefined ? null : viewNotification(row)
    if (notification !== null && increasedIds.has(id))
      await emit(notificationAdded, { recipientId, notification, ...unread(recipientId) })
    else if (decreasedIds.has(id))
      await emit(notificationWithdrawn, { recipientId, notificationId: id, notification, ...unread(recipientId) })
  }
}

const lockInboxes = (activities: readonly Activity[], { app }: Context) =>
  app.db.query('select from notification_inboxes where profile_id in (:recipientIds) order by profile_id for update', {
    recipientIds: [...new Set(activities.map(({ recipientId }) => recipientId))],
  })
