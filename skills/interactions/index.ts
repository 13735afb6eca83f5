import { type Skill } from '../../kernel/product'
import { commentAdded, commentRemoved, trackLiked, trackReposted, trackUnliked, trackUnreposted } from './events'
import { likeTrack } from './like-track'
import { unlikeTrack } from './unlike-track'

export const interactions: Skill = {
  operations: [likeTrack, unlikeTrack],
  events: [trackLiked, trackUnliked, trackReposted, trackUnreposted, commentAdded, commentRemoved],
}
