import { event } from '../../kernel/event'
import { id, shape } from '../../kernel/schema'

export const secretLinkReset = event({
  name: 'streaming.secretLinkReset',
  summary:
    'The secret link of an unlisted track is another one: whoever came by the one before may not see it any more.',
  payload: shape({ trackId: id, ownerId: id }),
  channels: ({ trackId, ownerId }) => [`track:${trackId}`, `user:${ownerId}`],
  unsettles: ({ trackId }) => ({ channel: `track:${trackId}` }),
})

/** Said to all nodes alone, and only of artists who have something for followers: every node looks at its sockets for it. */
export const followerLeft = event({
  name: 'streaming.followerLeft',
  summary: 'Somebody follows no longer an artist who has tracks for followers only.',
  payload: shape({ profileId: id, artistId: id }),
  channels: () => [],
  unsettles: ({ profileId }) => ({ profileId }),
})
