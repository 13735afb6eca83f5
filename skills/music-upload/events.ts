import { event } from '../../kernel/event'
import { id, shape, written } from '../../kernel/schema'
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
  summary: 'A track is public and ready for the first time.',
  payload: shape({ trackId: id, by: profileSummary, title: written }),
  channels: ({ trackId, by }) => [`track:${trackId}`, `user:${by.id}`],
  stale: ({ trackId }) => [trackCacheKey(trackId)],
})

export const trackChanged = event({
  name: 'music-upload.trackChanged',
  summary: 'A track got another title, description, genre, visibility, state or audio.',
  payload: shape({ track: trackView }),
  // Those who still follow a track that is private now must not read its new words: `trackHidden` is for them.
  channels: ({ track }) => [...(track.visibility === 'private' ? [] : [`track:${track.id}`]), `user:${track.owner.id}`],
  stale: ({ track }) => [trackCacheKey(track.id)],
})

export const trackHidden = event({
  name: 'music-upload.trackHidden',
  summary: 'A track became private: nobody but its artist may see it any more.',
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
