import { type Skill } from '../../kernel/pipeline/registry'
import { addComment } from './add-comment'
import { commentAdded, commentDeleted, trackLiked, trackReposted, trackUnliked, trackUnreposted } from './events'
import { likeTrack } from './like-track'
import { listComments } from './list-comments'
import { listLikedTracks } from './list-liked-tracks'
import { listLikers } from './list-likers'
import { reconcileCounts } from './reconcile-counts'
import { deleteComment } from './delete-comment'
import { repostTrack } from './repost-track'
import { trackCounter } from './track-counter'
import { typing } from './signals'
import { unlikeTrack } from './unlike-track'
import { unrepostTrack } from './unrepost-track'

export const interactions: Skill = {
  operations: [
    ...[likeTrack, unlikeTrack, listLikers, listLikedTracks],
    ...[repostTrack, unrepostTrack],
    ...[addComment, listComments, deleteComment],
  ],
  events: [trackLiked, trackUnliked, trackReposted, trackUnreposted, commentAdded, commentDeleted],
  signals: [typing],
  jobs: [reconcileCounts],
  counters: [trackCounter],
}
