import { type AnswerOf } from '../../kernel/pipeline/operation'
import { type ChannelEvent } from '../../kernel/events/frames'
import { type getPlaylist } from '../../skills/playlists/get-playlist'
import { getTrack } from '../../skills/tracks/get-track'
import { type Person } from '../person'
import { type ReplicaRules } from './replica'

type Playlist = AnswerOf<typeof getPlaylist>
type Item = Playlist['items'][number]
/** An item whose event has only the id of its track. */
type KeptItem = Item & { trackId?: string }
/** Null if the playlist is deleted. */
export type PlaylistReplica = (Omit<Playlist, 'items'> & { items: KeptItem[] }) | null

interface Payload extends Pick<Playlist, 'visibility' | 'rev' | 'updatedAt'> {
  playlistId: string
  title?: string
  description?: string
  item?: KeptItem
  itemId?: string
  ranks?: { itemId: string; rank: string }[]
  itemIds?: string[]
  trackId?: string
  isDeleted?: boolean
  track?: Item['track']
}

/** Revisions are consecutive: ignore older ones; a gap needs a new snapshot. */
export const playlistRules: ReplicaRules<PlaylistReplica> = {
  apply(state, { name, data }) {
    const payload = data as Payload
    if (state === null || payload.playlistId !== state.id) return state
    // Does not change the playlist's revision.
    if (name === 'playlists.itemTrackChanged') return { ...state, items: withTrack(state, payload) }
    if (payload.rev <= state.rev) return state
    if (payload.rev !== state.rev + 1) throw new Error(`revision ${payload.rev} came after ${state.rev}`)
    if (name === 'playlists.playlistDeleted') return null
    const { title = state.title, description = state.description, visibility, rev, updatedAt } = payload
    return {
      ...state,
      title,
      description,
      visibility,
      rev,
      updatedAt,
      items: inOrder(itemsAfter(state.items, name, payload)),
    }
  },
}

function itemsAfter(items: readonly KeptItem[], name: ChannelEvent['name'], payload: Payload): KeptItem[] {
  if (name === 'playlists.itemAdded' && payload.item !== undefined) return [...items, payload.item]
  if (name === 'playlists.itemRemoved') return items.filter(({ itemId }) => itemId !== payload.itemId)
  const ranks = new Map((payload.ranks ?? []).map(({ itemId, rank }) => [itemId, rank]))
  return items.map(item => ({ ...item, rank: ranks.get(item.itemId) ?? item.rank }))
}

/** Items of a deleted track stay visible only to those who can remove them. */
function withTrack({ items, viewer }: NonNullable<PlaylistReplica>, payload: Payload): KeptItem[] {
  const { itemIds = [], isDeleted = false } = payload
  if (isDeleted && viewer?.canEdit !== true) return items.filter(({ itemId }) => !itemIds.includes(itemId))
  return items.map(item => (itemIds.includes(item.itemId) ? itemWithTrack(item, payload) : item))
}

/** Keeps the viewer relation, which events do not carry. Marks a track to be fetched if the event or the item has none. */
function itemWithTrack(item: KeptItem, { trackId, track = null }: Payload): KeptItem {
  if (track === null || item.track === null) return { ...item, ...(trackId === undefined ? {} : { trackId }) }
  const { viewer } = item.track
  return track.rev < item.track.rev
    ? item
    : { ...item, track: { ...track, ...(viewer === undefined ? {} : { viewer }) } }
}

const inOrder = (items: KeptItem[]) => items.sort((one, other) => (one.rank < other.rank ? -1 : 1))

/** The displayed playlist: fetches missing tracks, and computes count and duration. */
export async function displayedPlaylist(copy: PlaylistReplica, viewer: Person): Promise<Playlist | null> {
  if (copy === null) return null
  const items = await Promise.all(copy.items.map(item => shownItem(item, viewer)))
  const tracks = items.flatMap(({ track }) => track ?? [])
  const durationMs = tracks.reduce((sum, track) => sum + (track.durationMs ?? 0), 0)
  return { ...copy, items, trackCount: tracks.length, durationMs }
}

async function shownItem({ trackId, ...item }: KeptItem, viewer: Person): Promise<Item> {
  if (trackId === undefined) return item
  // Also fetches the viewer's reactions, which events do not carry.
  const { data = null } = await viewer.request(getTrack, { trackId })
  return { ...item, track: data as Item['track'] }
}
