import { event } from '../../kernel/events/event'
import { boolean, id, optional, outputText, shape } from '../../kernel/pipeline/schema'
import { profileSummary } from '../user-profile/views'
import { trackCacheKey, trackView } from './views'

/** Emitted once per track. */
export const trackPublished = event({
  name: 'tracks.trackPublished',
  summary: 'A track was published',
  description: 'Emitted the first time a track is ready and visible to its artist’s followers or to everybody.',
  payload: shape({ trackId: id, actor: profileSummary, title: outputText }),
  channels: ({ trackId, actor }) => [`track:${trackId}`, `user:${actor.id}`],
  staleKeys: ({ trackId }) => [trackCacheKey(trackId)],
})

export const trackChanged = event({
  name: 'tracks.trackChanged',
  summary: 'A track changed',
  description: 'Its title, description, genre, visibility, release, state or audio changed.',
  /**
   * `isOwnerOnly`: only the owner’s channel gets the event, since others cannot see the track yet, or fewer people
   * can than before. Anybody who may follow a channel later can read its log.
   */
  payload: shape({ track: trackView, isOwnerOnly: optional(boolean) }),
  // Followers of the channel who lost access must not read the new fields; they get `trackVisibilityNarrowed`.
  channels: ({ track, isOwnerOnly = false }) => [
    ...(isOwnerOnly ? [] : [`track:${track.id}`]),
    `user:${track.owner.id}`,
  ],
  staleKeys: ({ track }) => [trackCacheKey(track.id)],
})

/** Internal: also when they were allowed before, so that an artist can have a lost copy made again. */
export const downloadsAllowed = event({
  name: 'tracks.downloadsAllowed',
  summary: 'An artist allowed downloads of a track that is ready',
  payload: shape({ trackId: id }),
})

export const trackVisibilityNarrowed = event({
  name: 'tracks.trackVisibilityNarrowed',
  summary: 'A track became visible to fewer people',
  description:
    'It became private, unlisted or followers-only. Followers of the channel who lost access get `channel.closed`. ' +
    'The others should load the track again, since its fields may have changed.',
  payload: shape({ trackId: id, ownerId: id }),
  channels: ({ trackId }) => [`track:${trackId}`],
  staleKeys: ({ trackId }) => [trackCacheKey(trackId)],
  revokesAccess: ({ trackId }) => ({ channel: `track:${trackId}` }),
})

export const trackDeleted = event({
  name: 'tracks.trackDeleted',
  summary: 'A track was deleted',
  payload: shape({ trackId: id, ownerId: id }),
  channels: ({ trackId, ownerId }) => [`track:${trackId}`, `user:${ownerId}`],
  staleKeys: ({ trackId }) => [trackCacheKey(trackId)],
  revokesAccess: ({ trackId }) => ({ channel: `track:${trackId}` }),
})

export const secretLinkReset = event({
  name: 'tracks.secretLinkReset',
  summary: 'The secret link of a track was reset',
  description: 'The previous secret is void, and people who used it can no longer see the track.',
  payload: shape({ trackId: id, ownerId: id }),
  channels: ({ trackId, ownerId }) => [`track:${trackId}`, `user:${ownerId}`],
  revokesAccess: ({ trackId }) => ({ channel: `track:${trackId}` }),
})

/**
 * Internal, for all nodes, since each one re-checks its sockets. Emitted only for artists with followers-only tracks.
 */
export const followerAccessRevoked = event({
  name: 'tracks.followerAccessRevoked',
  summary: 'A follower lost access to followers-only tracks',
  payload: shape({ profileId: id, artistId: id }),
  revokesAccess: ({ profileId }) => ({ profileId }),
})
