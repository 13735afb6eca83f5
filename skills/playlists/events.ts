import { event } from '../../kernel/event'
import { count, flag, id, instant, list, nullable, shape, type Value, written } from '../../kernel/schema'
import { trackView } from '../streaming/views'
import { profileSummary } from '../user-profile/views'
import { places, playlistItemsMax, playlistVisibility } from './views'

/** What every event says of its playlist. Revisions have no gaps: whoever misses one takes a new snapshot. */
const about = { playlistId: id, ownerId: id, visibility: playlistVisibility, rev: count, updatedAt: instant }

interface About {
  playlistId: string
  ownerId: string
  visibility: Value<typeof playlistVisibility>
}

/**
 * Those who follow the playlist, and its owner's devices. Of a private one only these hear: somebody may still follow it
 * from the time before.
 */
const concerned = ({ playlistId, ownerId, visibility }: About) =>
  visibility === 'private' ? [`user:${ownerId}`] : [`playlist:${playlistId}`, `user:${ownerId}`]

const described = shape({ ...about, title: written, description: written })

export const playlistCreated = event({
  name: 'playlists.playlistCreated',
  summary: 'Somebody made a playlist.',
  payload: described,
  channels: ({ ownerId }) => [`user:${ownerId}`],
})

export const playlistChanged = event({
  name: 'playlists.playlistChanged',
  summary: 'A playlist has another title, description or visibility.',
  payload: described,
  channels: concerned,
})

export const playlistHidden = event({
  name: 'playlists.playlistHidden',
  summary: 'A playlist became private: forget it, unless it is yours.',
  payload: shape({ playlistId: id, rev: count }),
  channels: ({ playlistId }) => [`playlist:${playlistId}`],
  unsettles: ({ playlistId }) => ({ channel: `playlist:${playlistId}` }),
})

export const playlistDeleted = event({
  name: 'playlists.playlistDeleted',
  summary: 'A playlist is no more.',
  payload: shape(about),
  channels: concerned,
  unsettles: ({ playlistId }) => ({ channel: `playlist:${playlistId}` }),
})

/**
 * An event is the same for all who hear it, so it carries a track only if that is listed, and without `viewer`. Of any
 * other it says the id: whoever may see it can ask for it, for all others the item is a placeholder.
 */
export const itemAdded = event({
  name: 'playlists.itemAdded',
  summary: 'A track was added to a playlist, at the place that its rank gives it.',
  payload: shape({
    ...about,
    item: shape({
      itemId: id,
      rank: written,
      trackId: id,
      track: nullable(trackView),
      addedBy: nullable(profileSummary),
      addedAt: instant,
    }),
  }),
  channels: concerned,
})

export const itemsMoved = event({
  name: 'playlists.itemsMoved',
  summary: 'Items of a playlist have new ranks: one that was moved, or all of them when room was made between them.',
  payload: shape({ ...about, places }),
  channels: concerned,
})

export const itemRemoved = event({
  name: 'playlists.itemRemoved',
  summary: 'An item was taken out of a playlist.',
  payload: shape({ ...about, itemId: id }),
  channels: concerned,
})

/** The playlist itself is what it was, so it has no new revision. The counts of a track those hear who follow it. */
export const trackChanged = event({
  name: 'playlists.trackChanged',
  summary:
    'A track of a playlist has another title, picture, length or visibility, or is gone, in each of these items. Of one that ' +
    'is gone nothing is left to those who cannot take it out.',
  payload: shape({
    ...{ playlistId: id, ownerId: id, visibility: playlistVisibility },
    itemIds: list(id, playlistItemsMax),
    trackId: id,
    isGone: flag,
    /** Null when it is not listed: whoever may see it asks for it. */
    track: nullable(trackView),
  }),
  channels: concerned,
})
