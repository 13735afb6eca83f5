import { type Skill } from '../../kernel/product'
import { notificationAdded, notificationWithdrawn, readMarkerMoved } from './events'
import { forgetOld } from './forget-old'
import { getUnreadCount } from './get-unread-count'
import { listNotifications } from './list-notifications'
import { moveReadMarker } from './move-read-marker'
import { onCommentAdded } from './on-comment-added'
import { onCommentRemoved } from './on-comment-removed'
import { onProfileFollowed } from './on-profile-followed'
import { onProfileUnfollowed } from './on-profile-unfollowed'
import { onTrackLiked } from './on-track-liked'
import { onTrackPublished } from './on-track-published'
import { onTrackReposted } from './on-track-reposted'
import { onTrackUnliked } from './on-track-unliked'
import { onTrackUnreposted } from './on-track-unreposted'
import { tellFollowers } from './tell-followers'

export const notifications: Skill = {
  operations: [listNotifications, getUnreadCount, moveReadMarker],
  events: [notificationAdded, notificationWithdrawn, readMarkerMoved],
  reactions: [
    ...[onTrackLiked, onTrackUnliked, onTrackReposted, onTrackUnreposted, onCommentAdded, onCommentRemoved],
    ...[onProfileFollowed, onProfileUnfollowed, onTrackPublished],
  ],
  jobs: [tellFollowers, forgetOld],
}
