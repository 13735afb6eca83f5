import { type Context } from '../../kernel/context'
import { type NotificationKind } from '../../models/notification'
import { notificationAdded, notificationWithdrawn } from './events'
import { shownByIds, unreadOf, viewNotification } from './shown'
import { store } from './store'
import { undo } from './undo'

/** What somebody did that others are told of. Causes of one kind and target are one notification until it is read. */
export interface Cause {
  kind: NotificationKind
  actorId: string
  targetId: string
  trackId?: string
  commentId?: string
}

/** A cause, and whom it concerns. */
export interface Act extends Cause {
  recipientId: string
}

/** A notification that is not what it was. */
export interface Revised {
  id: string
  recipientId: string
}

/**
 * Stores what people did, and takes out what they took back before it was read; each notification that this changes is told
 * once, as it is then, however many had a part in it. The acts are in the order in which they were done. Every change of
 * somebody's notifications holds their inbox, taken in one order, so that two of them never wait in a circle.
 */
export async function revise(
  { came, undone }: { came: readonly Act[]; undone: readonly Act[] },
  context: Context,
): Promise<void> {
  const { world, emit } = context
  if (undone.length > 0) await holdInboxes([...came, ...undone], context)
  const added = await store(came, context)
  const lessened = await undo(undone, context)
  const revised = new Map([...lessened, ...added].map(one => [one.id, one]))
  if (revised.size === 0) return
  const news = new Set(added.map(({ id }) => id))
  const shown = new Map((await shownByIds(world, [...revised.keys()])).map(row => [row.id, row]))
  const unread = await unreadOf(world, [...new Set([...revised.values()].map(({ recipientId }) => recipientId))])
  for (const { id, recipientId } of revised.values()) {
    const row = shown.get(id)
    const notification = row === undefined ? null : viewNotification(row)
    if (notification !== null && news.has(id))
      await emit(notificationAdded, { recipientId, notification, ...unread(recipientId) })
    else if (!news.has(id) || lessened.some(one => one.id === id))
      await emit(notificationWithdrawn, { recipientId, notificationId: id, notification, ...unread(recipientId) })
  }
}

const holdInboxes = (acts: readonly Act[], { world }: Context) =>
  world.db.query('select from inboxes where profile_id in (:recipientIds) order by profile_id for update', {
    recipientIds: [...new Set(acts.map(({ recipientId }) => recipientId))],
  })
