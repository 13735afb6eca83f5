import { event } from '../../kernel/events/event'
import { boolean, id, optional, shape, outputText } from '../../kernel/pipeline/schema'
import { trackCacheKey, trackView } from '../tracks/views'
import { profileSummary } from '../user-profile/views'
import { uploadView } from './views'

export const uploadChanged = event({
  name: 'music-upload.uploadChanged',
  summary: 'One of your uploads changed',
  payload: shape({ ownerId: id, upload: uploadView }),
  channels: ({ ownerId }) => [`user:${ownerId}`],
})

/** Emitted once per track. */
export const trackPublished = event({
  name: 'tracks.trackPublished',
  summary: 'A track was published',
  description: 'Emitted the first time a track is ready and visible to its artist’s followers or to everybody.',
  payload: shape({ trackId: id, by: profileSummary, title: outputText }),
  channels: ({ trackId, by }) => [`track:${trackId}`, `user:${by.id}`],
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
  payload: shape({ track: trackView, isForArtist: optional(boolean) }),
  // Followers of the channel who lost access must not read the new fields; they get `trackVisibilityNarrowed`.
  channels: ({ track, isForArtist = false }) => [
    ...(isForArtist ? [] : [`track:${track.id}`]),
    `user:${track.owner.id}`,
  ],
  staleKeys: ({ track }) => [trackCacheKey(track.id)],
})

export const trackHidden = event({
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
