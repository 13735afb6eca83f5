import { type Skill } from '../../kernel/product'
import { addComment } from './add-comment'
import { commentAdded, commentRemoved, trackLiked, trackReposted, trackUnliked, trackUnreposted } from './events'
import { likeTrack } from './like-track'
import { listComments } from './list-comments'
import { listLikedTracks } from './list-liked-tracks'
import { listLikers } from './list-likers'
import { reconcileCounts } from './reconcile-counts'
import { removeComment } from './remove-comment'
import { repostTrack } from './repost-track'
import { trackTally } from './track-tally'
import { typing } from './signals'
import { unlikeTrack } from './unlike-track'
import { unrepostTrack } from './unrepost-track'

export const interactions: Skill = {
  operations: [
    ...[likeTrack, unlikeTrack, listLikers, listLikedTracks],
    ...[repostTrack, unrepostTrack],
    ...[addComment, listComments, removeComment],
  ],
  events: [trackLiked, trackUnliked, trackReposted, trackUnreposted, commentAdded, commentRemoved],
  signals: [typing],
  jobs: [reconcileCounts],
  tallies: [trackTally],
}
