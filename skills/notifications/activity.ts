import { type NotificationKind } from '../../models/notification'

/** Something an actor did, of which the recipient is notified. Those of one kind and target share one unread notification. */
export interface Activity {
  recipientId: string
  kind: NotificationKind
  actorId: string
  targetId: string
  trackId?: string
  commentId?: string
}

/** A notification that was changed. */
export interface ChangedNotification {
  id: string
  recipientId: string
}
