import { type Context } from '../../kernel/context'
import { type NotificationKind } from '../../models/notification'
import { notificationAdded, notificationWithdrawn } from './events'
import { shownByIds, unreadOf, viewNotification } from './shown'
import { store } from './store'
import { undo } from './undo'

/** An activity that notifies others. Activities of one kind and target are grouped in one notification until it is read. */
export interface Cause {
  kind: NotificationKind
  actorId: string
  targetId: string
  trackId?: string
  commentId?: string
}

/** An activity and its recipient. */
export interface Act extends Cause {
  recipientId: string
}

/** A notification that was changed. */
export interface Revised {
  id: string
  recipientId: string
}

/**
 * Stores activities, in the order in which they happened, and withdraws those undone before they were read. Emits each
 * changed notification once, in its final state. Inboxes are locked in id order, so that concurrent changes cannot deadlock.
 */
export async function revise(
  { came, undone }: { came: readonly Act[]; undone: readonly Act[] },
  context: Context,
): Promise<void> {
  const { world, emit } = context
  if (undone.length > 0) await lockInboxes([...came, ...undone], context)
  const increased = await store(came, context)
  const decreased = await undo(undone, context)
  const changed = new Map([...decreased, ...increased].map(one => [one.id, one]))
  if (changed.size === 0) return
  const increasedIds = new Set(increased.map(({ id }) => id))
  const visible = new Map((await shownByIds(world, [...changed.keys()])).map(row => [row.id, row]))
  const unread = await unreadOf(world, [...new Set([...changed.values()].map(({ recipientId }) => recipientId))])
  for (const { id, recipientId } of changed.values()) {
    const row = visible.get(id)
    const notification = row === undefined ? null : viewNotification(row)
    if (notification !== null && increasedIds.has(id))
      await emit(notificationAdded, { recipientId, notification, ...unread(recipientId) })
    else if (!increasedIds.has(id) || decreased.some(one => one.id === id))
      await emit(notificationWithdrawn, { recipientId, notificationId: id, notification, ...unread(recipientId) })
  }
}

const lockInboxes = (activities: readonly Act[], { world }: Context) =>
  world.db.query('select from inboxes where profile_id in (:recipientIds) order by profile_id for update', {
    recipientIds: [...new Set(activities.map(({ recipientId }) => recipientId))],
  })
