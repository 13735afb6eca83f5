import { event } from '../../kernel/event'
import { id, shape } from '../../kernel/schema'
import { trackCacheKey, trackCounts } from '../streaming/views'
import { profileSummary } from '../user-profile/views'
import { commentFacts } from './views'

/** What somebody did with a track, and its counts afterwards. */
const reactionToTrack = shape({ trackId: id, ownerId: id, by: profileSummary, counts: trackCounts })

interface AboutTrack {
  trackId: string
  ownerId: string
  by: { id: string }
}

/**
 * Whoever follows the track, its artist, and the other devices of the one who did it. An event is the same for all who hear
 * it, blocks between them or not: of a track that is not private everybody may read the same without signing in, and
 * whoever blocks knows whom not to show.
 */
const concerned = ({ trackId, ownerId, by }: AboutTrack) => [
  ...new Set([`track:${trackId}`, `user:${ownerId}`, `user:${by.id}`]),
]
const stale = ({ trackId }: AboutTrack) => [trackCacheKey(trackId)]

export const trackLiked = event({
  name: 'interactions.trackLiked',
  summary: 'Somebody likes a track.',
  payload: reactionToTrack,
  channels: concerned,
  stale,
})

export const trackUnliked = event({
  name: 'interactions.trackUnliked',
  summary: 'Somebody likes a track no longer.',
  payload: reactionToTrack,
  channels: concerned,
  stale,
})

export const trackReposted = event({
  name: 'interactions.trackReposted',
  summary: 'Somebody passed a track on to their followers.',
  payload: reactionToTrack,
  channels: concerned,
  stale,
})

export const trackUnreposted = event({
  name: 'interactions.trackUnreposted',
  summary: 'Somebody took a repost back.',
  payload: reactionToTrack,
  channels: concerned,
  stale,
})

const commentOnTrack = shape({
  trackId: id,
  ownerId: id,
  by: profileSummary,
  comment: commentFacts,
  counts: trackCounts,
})

export const commentAdded = event({
  name: 'interactions.commentAdded',
  summary: 'Somebody commented at a moment of a track.',
  payload: commentOnTrack,
  channels: concerned,
  stale,
})

export const commentRemoved = event({
  name: 'interactions.commentRemoved',
  summary: 'A comment of somebody (`by`) was taken away, by themselves, the artist or a moderator.',
  payload: shape({ trackId: id, ownerId: id, by: profileSummary, commentId: id, counts: trackCounts }),
  channels: concerned,
  stale,
})
