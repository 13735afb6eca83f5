import { type Skill } from '../../kernel/product'
import { notificationAdded, notificationWithdrawn, readMarkerMoved } from './events'
import { forgetOld } from './forget-old'
import { getMySnapshot } from './get-my-snapshot'
import { getUnreadCount } from './get-unread-count'
import { listNotifications } from './list-notifications'
import { moveReadMarker } from './move-read-marker'
import { onCommentAdded } from './on-comment-added'
import { onCommentRemoved } from './on-comment-removed'
import { onFollowerLeft } from './on-follower-left'
import { onProfileBlocked } from './on-profile-blocked'
import { onProfileFollowed } from './on-profile-followed'
import { onProfileUnblocked } from './on-profile-unblocked'
import { onProfileUnfollowed } from './on-profile-unfollowed'
import { onReactionsCounted } from './on-reactions-counted'
import { onTrackPublished } from './on-track-published'
import { onTrackRemoved } from './on-track-removed'
import { tellFollowers } from './tell-followers'

export const notifications: Skill = {
  operations: [getMySnapshot, listNotifications, getUnreadCount, moveReadMarker],
  events: [notificationAdded, notificationWithdrawn, readMarkerMoved],
  reactions: [
    ...[onReactionsCounted, onCommentAdded, onCommentRemoved],
    ...[onProfileFollowed, onProfileUnfollowed, onProfileBlocked, onProfileUnblocked],
    ...[onTrackPublished, onTrackRemoved, onFollowerLeft],
  ],
  jobs: [tellFollowers, forgetOld],
}
