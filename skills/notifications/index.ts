import { type Skill } from '../../kernel/pipeline/registry'
import { notificationAdded, notificationWithdrawn, readMarkerMoved } from './events'
import { deleteOldNotifications } from './delete-old-notifications'
import { getMySnapshot } from '../user-profile/get-my-snapshot'
import { getUnreadCount } from './get-unread-count'
import { listNotifications } from './list-notifications'
import { markRead } from './mark-read'
import { onCommentAdded } from './on-comment-added'
import { onCommentDeleted } from './on-comment-deleted'
import { onFollowerLeft } from './on-follower-left'
import { onProfileBlocked } from './on-profile-blocked'
import { onProfileFollowed } from './on-profile-followed'
import { onProfileUnblocked } from './on-profile-unblocked'
import { onProfileUnfollowed } from './on-profile-unfollowed'
import { onReactionsCounted } from './on-reactions-counted'
import { onTrackPublished } from './on-track-published'
import { onTrackDeleted } from './on-track-deleted'
import { notifyFollowers } from './notify-followers'

export const notifications: Skill = {
  operations: [getMySnapshot, listNotifications, getUnreadCount, markRead],
  events: [notificationAdded, notificationWithdrawn, readMarkerMoved],
  reactions: [
    ...[onReactionsCounted, onCommentAdded, onCommentDeleted],
    ...[onProfileFollowed, onProfileUnfollowed, onProfileBlocked, onProfileUnblocked],
    ...[onTrackPublished, onTrackDeleted, onFollowerLeft],
  ],
  jobs: [notifyFollowers, deleteOldNotifications],
}
