import { event } from '../../kernel/event'
import { flag, id, optional, shape, written } from '../../kernel/schema'
import { trackCacheKey, trackView } from '../streaming/views'
import { profileSummary } from '../user-profile/views'
import { uploadView } from './views'

export const uploadChanged = event({
  name: 'music-upload.uploadChanged',
  summary: 'An upload of yours was announced, got further, or ended.',
  payload: shape({ ownerId: id, upload: uploadView }),
  channels: ({ ownerId }) => [`user:${ownerId}`],
})

/** Once in the life of a track. */
export const trackPublished = event({
  name: 'music-upload.trackPublished',
  summary: 'A track is ready, and there for its artist’s followers or for everybody, for the first time.',
  payload: shape({ trackId: id, by: profileSummary, title: written }),
  channels: ({ trackId, by }) => [`track:${trackId}`, `user:${by.id}`],
  stale: ({ trackId }) => [trackCacheKey(trackId)],
})

export const trackChanged = event({
  name: 'music-upload.trackChanged',
  summary: 'A track got another title, description, genre, visibility, release, state or audio.',
  /**
   * `isForArtist`: its artist alone is told, since others may not see the track yet, or fewer may than before. What is in the
   * log of a channel can be read by whoever may follow it later.
   */
  payload: shape({ track: trackView, isForArtist: optional(flag) }),
  // Those who still follow a track that they may not see any more must not read its new words: `trackHidden` is for them.
  channels: ({ track, isForArtist = false }) => [
    ...(isForArtist ? [] : [`track:${track.id}`]),
    `user:${track.owner.id}`,
  ],
  stale: ({ track }) => [trackCacheKey(track.id)],
})

export const trackHidden = event({
  name: 'music-upload.trackHidden',
  summary:
    'Fewer people may see a track than before: it became private, unlisted or for followers. `channel.closed` comes to ' +
    'whoever may not any more; whoever stays asks for the track again, which may have new words.',
  payload: shape({ trackId: id, ownerId: id }),
  channels: ({ trackId }) => [`track:${trackId}`],
  stale: ({ trackId }) => [trackCacheKey(trackId)],
  unsettles: ({ trackId }) => ({ channel: `track:${trackId}` }),
})

export const trackRemoved = event({
  name: 'music-upload.trackRemoved',
  summary: 'A track was taken away for good.',
  payload: shape({ trackId: id, ownerId: id }),
  channels: ({ trackId, ownerId }) => [`track:${trackId}`, `user:${ownerId}`],
  stale: ({ trackId }) => [trackCacheKey(trackId)],
  unsettles: ({ trackId }) => ({ channel: `track:${trackId}` }),
})
