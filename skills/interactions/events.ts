import { event } from '../../kernel/events/event'
import { boolean, id, list, oneOf, shape } from '../../kernel/pipeline/schema'
import { trackCacheKey, trackCounts } from '../tracks/views'
import { profileSummary } from '../user-profile/views'
import { commentAttributes } from './views'

/** Somebody's like or repost. The track's counts are not in it: they are conflated state of the track's channel. */
const reactionToTrack = shape({ trackId: id, ownerId: id, actor: profileSummary })

/** Only the actor's own channel: thousands may like a track at once and must not wait for one channel row. */
const actorOnly = ({ actor }: { actor: { id: string } }) => [`user:${actor.id}`]

/** Upper bound of one flush of the counter. */
const reactionsPerFlushMax = 10_000

const countedReaction = shape({
  trackId: id,
  ownerId: id,
  actorId: id,
  kind: oneOf('liked', 'reposted'),
  added: boolean,
})

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

interface CommentRecipients {
  trackId: string
  ownerId: string
  authorId: string
}

/**
 * Followers of the track, its artist, and the author's other devices. All receive the same event, even across a block: anybody
 * can read the comments of a non-private track without signing in, and a client knows whom its user blocks.
 */
const commentRecipients = ({ trackId, ownerId, authorId }: CommentRecipients) => [
  ...new Set([`track:${trackId}`, `user:${ownerId}`, `user:${authorId}`]),
]
const stale = ({ trackId }: { trackId: string }) => [trackCacheKey(trackId)]

export const commentAdded = event({
  name: 'interactions.commentAdded',
  summary: 'A comment was added to a track',
  payload: shape({ trackId: id, ownerId: id, comment: commentAttributes, counts: trackCounts }),
  channels: ({ comment, ...track }) => commentRecipients({ ...track, authorId: comment.author.id }),
  staleKeys: stale,
})

export const commentDeleted = event({
  name: 'interactions.commentDeleted',
  summary: 'A comment was deleted',
  description: 'By its `author`, the artist or a moderator.',
  payload: shape({ trackId: id, ownerId: id, author: profileSummary, commentId: id, counts: trackCounts }),
  channels: ({ author, ...track }) => commentRecipients({ ...track, authorId: author.id }),
  staleKeys: stale,
})
