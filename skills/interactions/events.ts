import { event } from '../../kernel/events/event'
import { boolean, id, list, oneOf, shape } from '../../kernel/pipeline/schema'
import { trackCacheKey, trackCounts } from '../tracks/views'
import { profileSummary } from '../user-profile/views'
import { commentAttributes } from './views'

/** Somebody's like or repost. The track's counts are not in it: they are conflated state of the track's channel. */
const reactionToTrack = shape({ trackId: id, ownerId: id, by: profileSummary })

/** Only the actor's own channel: thousands may like a track at once and must not wait for one channel row. */
const actorOnly = ({ by }: TrackActivity) => [`user:${by.id}`]

/** Upper bound of one flush of the counter. */
const reactionsPerFlushMax = 10_000

const countedReaction = shape({
  trackId: id,
  ownerId: id,
  actorId: id,
  kind: oneOf('liked', 'reposted'),
  added: boolean,
})

interface TrackActivity {
  trackId: string
  ownerId: string
  by: { id: string }
}

export const trackLiked = event({
  name: 'interactions.trackLiked',
  summary: 'You liked a track',
  description: 'Sent to your own devices. Everybody else sees the new counts as state of the track channel.',
  payload: reactionToTrack,
  channels: actorOnly,
})

export const trackUnliked = event({
  name: 'interactions.trackUnliked',
  summary: 'You unliked a track',
  payload: reactionToTrack,
  channels: actorOnly,
})

export const trackReposted = event({
  name: 'interactions.trackReposted',
  summary: 'You reposted a track',
  payload: reactionToTrack,
  channels: actorOnly,
})

export const trackUnreposted = event({
  name: 'interactions.trackUnreposted',
  summary: 'You removed your repost of a track',
  payload: reactionToTrack,
  channels: actorOnly,
})

/**
 * Internal, for other skills' reactions: emitted in the transaction that applies the counter changes. `reactions` are the
 * net likes and reposts, in order; `trackIds` are the tracks with new counts.
 */
export const reactionsCounted = event({
  name: 'interactions.reactionsCounted',
  summary: 'Likes and reposts were applied to the track counts',
  payload: shape({
    trackIds: list(id, reactionsPerFlushMax),
    reactions: list(countedReaction, reactionsPerFlushMax),
  }),
  staleKeys: ({ trackIds }) => trackIds.map(trackCacheKey),
})

/**
 * Followers of the track, its artist, and the actor's other devices. All receive the same event, even across a block: anybody
 * can read the comments of a non-private track without signing in, and a client knows whom its user blocks.
 */
const trackOwnerAndActor = ({ trackId, ownerId, by }: TrackActivity) => [
  ...new Set([`track:${trackId}`, `user:${ownerId}`, `user:${by.id}`]),
]
const stale = ({ trackId }: TrackActivity) => [trackCacheKey(trackId)]

const commentOnTrack = shape({
  trackId: id,
  ownerId: id,
  by: profileSummary,
  comment: commentAttributes,
  counts: trackCounts,
})

export const commentAdded = event({
  name: 'interactions.commentAdded',
  summary: 'A comment was added to a track',
  payload: commentOnTrack,
  channels: trackOwnerAndActor,
  staleKeys: stale,
})

export const commentDeleted = event({
  name: 'interactions.commentDeleted',
  summary: 'A comment was deleted',
  description: 'By its author (`by`), the artist or a moderator.',
  payload: shape({ trackId: id, ownerId: id, by: profileSummary, commentId: id, counts: trackCounts }),
  channels: trackOwnerAndActor,
  staleKeys: stale,
})
