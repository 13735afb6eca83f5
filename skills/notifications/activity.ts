import { type NotificationKind } from '../../models/notification'

/** An activity that notifies others. Activities of one kind and target are grouped in one notification until it is read. */
export interface Activity {
  kind: NotificationKind
  actorId: string
  targetId: string
  trackId?: string
  commentId?: string
}

/** An activity and its recipient. */
export interface RecipientActivity extends Activity {
  recipientId: string
}

/** A notification that was changed. */
export interface ChangedNotification {
  id: string
  recipientId: string
}
