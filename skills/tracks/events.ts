import { event } from '../../kernel/events/event'
import { id, shape } from '../../kernel/pipeline/schema'

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
