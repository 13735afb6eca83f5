import { event } from '../../kernel/events/event'
import {
  count,
  boolean,
  id,
  timestamp,
  list,
  nullable,
  shape,
  type Value,
  outputText,
} from '../../kernel/pipeline/schema'
import { trackView } from '../tracks/views'
import { profileSummary } from '../user-profile/views'
import { itemRanks, playlistItemsMax, playlistVisibility } from './views'

/** Fields of every playlist event. Revisions have no gaps: a client that misses one takes a new snapshot. */
const commonFields = { playlistId: id, ownerId: id, visibility: playlistVisibility, rev: count, updatedAt: timestamp }

interface Addressing {
  playlistId: string
  ownerId: string
  visibility: Value<typeof playlistVisibility>
}

/**
 * Followers of the playlist and its owner's devices. For a private playlist the owner only, because others may still follow
 * its channel from before.
 */
const followersAndOwner = ({ playlistId, ownerId, visibility }: Addressing) =>
  visibility === 'private' ? [`user:${ownerId}`] : [`playlist:${playlistId}`, `user:${ownerId}`]

const playlistDetails = shape({ ...commonFields, title: outputText, description: outputText })

export const playlistCreated = event({
  name: 'playlists.playlistCreated',
  summary: 'A playlist was created',
  payload: playlistDetails,
  channels: ({ ownerId }) => [`user:${ownerId}`],
})

export const playlistChanged = event({
  name: 'playlists.playlistChanged',
  summary: "A playlist's details changed",
  description: 'Its title, description or visibility.',
  payload: playlistDetails,
  channels: followersAndOwner,
})

export const playlistHidden = event({
  name: 'playlists.playlistHidden',
  summary: 'A playlist became private',
  description: 'Stop showing it, unless you are its owner.',
  payload: shape({ playlistId: id, rev: count }),
  channels: ({ playlistId }) => [`playlist:${playlistId}`],
  revokesAccess: ({ playlistId }) => ({ channel: `playlist:${playlistId}` }),
})

export const playlistDeleted = event({
  name: 'playlists.playlistDeleted',
  summary: 'A playlist was deleted',
  payload: shape(commonFields),
  channels: followersAndOwner,
  revokesAccess: ({ playlistId }) => ({ channel: `playlist:${playlistId}` }),
})

/**
 * All recipients get the same event, so it contains a track only if that is listed, and without `viewer`. Of any other track
 * it has the id only: recipients who may see the track fetch it, for others the item is a placeholder.
 */
export const itemAdded = event({
  name: 'playlists.itemAdded',
  summary: 'A track was added to a playlist',
  description: "The item's rank gives its position. `track` is null unless the track is public: fetch it by `trackId`.",
  payload: shape({
    ...commonFields,
    item: shape({
      itemId: id,
      rank: outputText,
      trackId: id,
      track: nullable(trackView),
      addedBy: nullable(profileSummary),
      addedAt: timestamp,
    }),
  }),
  channels: followersAndOwner,
})

export const itemsMoved = event({
  name: 'playlists.itemsMoved',
  summary: 'Items of a playlist have new ranks',
  description: 'One item that was moved, or all items when the ranks were rebalanced.',
  payload: shape({ ...commonFields, ranks: itemRanks }),
  channels: followersAndOwner,
})

export const itemRemoved = event({
  name: 'playlists.itemRemoved',
  summary: 'An item was removed from a playlist',
  payload: shape({ ...commonFields, itemId: id }),
  channels: followersAndOwner,
})

/** Without `rev`, because the playlist itself has not changed. Counts of a track are sent to followers of the track only. */
export const itemTrackChanged = event({
  name: 'playlists.itemTrackChanged',
  summary: 'A track in a playlist changed or was deleted',
  description:
    'Its title, artwork, duration or visibility changed, or it was deleted (`isDeleted`); applies to each of `itemIds`. Items of a ' +
    'deleted track remain visible only to those who can edit the playlist.',
  payload: shape({
    ...{ playlistId: id, ownerId: id, visibility: playlistVisibility },
    itemIds: list(id, playlistItemsMax),
    trackId: id,
    isDeleted: boolean,
    /** Null when the track is not listed: recipients who may see it fetch it. */
    track: nullable(trackView),
  }),
  channels: followersAndOwner,
})
