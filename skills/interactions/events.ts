import { event } from '../../kernel/event'
import { flag, id, list, oneOf, shape } from '../../kernel/schema'
import { trackCacheKey, trackCounts } from '../streaming/views'
import { profileSummary } from '../user-profile/views'
import { commentFacts } from './views'

/** What somebody did with a track. Its counts are no event: they are the state of the track's channel. */
const reactionToTrack = shape({ trackId: id, ownerId: id, by: profileSummary })

/** The devices of the one who did it: thousands may do it at once, and none of them must wait for another. */
const devices = ({ by }: AboutTrack) => [`user:${by.id}`]

/** More than a flush ever takes. */
const settledMax = 10_000

const countedAct = shape({ trackId: id, ownerId: id, actorId: id, kind: oneOf('liked', 'reposted'), done: flag })

interface AboutTrack {
  trackId: string
  ownerId: string
  by: { id: string }
}

export const trackLiked = event({
  name: 'interactions.trackLiked',
  summary: 'You like a track: told to your devices. Everybody else sees the counts move.',
  payload: reactionToTrack,
  channels: devices,
})

export const trackUnliked = event({
  name: 'interactions.trackUnliked',
  summary: 'You like a track no longer.',
  payload: reactionToTrack,
  channels: devices,
})

export const trackReposted = event({
  name: 'interactions.trackReposted',
  summary: 'You passed a track on to your followers.',
  payload: reactionToTrack,
  channels: devices,
})

export const trackUnreposted = event({
  name: 'interactions.trackUnreposted',
  summary: 'You took a repost back.',
  payload: reactionToTrack,
  channels: devices,
})

/**
 * What was added up of some tracks: said to other skills alone, in the transaction in which their counts move. `acts` are
 * what people did in the end, in order; the tracks are those whose counts are new.
 */
export const reactionsCounted = event({
  name: 'interactions.reactionsCounted',
  summary: 'Likes and reposts were added up.',
  payload: shape({ trackIds: list(id, settledMax), acts: list(countedAct, settledMax) }),
  channels: () => [],
  stale: ({ trackIds }) => trackIds.map(trackCacheKey),
})

/**
 * Whoever follows the track, its artist, and the other devices of the one who did it. An event is the same for all who hear
 * it, blocks between them or not: of a track that is not private everybody may read the same without signing in, and
 * whoever blocks knows whom not to show.
 */
const concerned = ({ trackId, ownerId, by }: AboutTrack) => [
  ...new Set([`track:${trackId}`, `user:${ownerId}`, `user:${by.id}`]),
]
const stale = ({ trackId }: AboutTrack) => [trackCacheKey(trackId)]

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
