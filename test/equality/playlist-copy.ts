import { type AnswerOf } from '../../kernel/operation'
import { type StreamEvent } from '../../kernel/stream'
import { type getPlaylist } from '../../skills/playlists/get-playlist'
import { getTrack } from '../../skills/streaming/get-track'
import { type Person } from '../people'
import { type Rules } from './mirror'

type Playlist = AnswerOf<typeof getPlaylist>
type Item = Playlist['items'][number]
/** Of a track that an event does not show, the id. */
type KeptItem = Item & { trackId?: string }
/** Null when the playlist is no more. */
export type PlaylistCopy = (Omit<Playlist, 'items'> & { items: KeptItem[] }) | null

interface Told extends Pick<Playlist, 'visibility' | 'rev' | 'updatedAt'> {
  playlistId: string
  title?: string
  description?: string
  item?: KeptItem
  itemId?: string
  places?: { itemId: string; rank: string }[]
  itemIds?: string[]
  trackId?: string
  isGone?: boolean
  track?: Item['track']
}

/** Revisions follow each other: what is older is known already, and a gap asks for a new snapshot. */
export const playlistRules: Rules<PlaylistCopy> = {
  apply(state, { name, data }) {
    const told = data as Told
    if (state === null || told.playlistId !== state.id) return state
    // No change of the playlist itself.
    if (name === 'playlists.trackChanged') return { ...state, items: withTrack(state, told) }
    if (told.rev <= state.rev) return state
    if (told.rev !== state.rev + 1) throw new Error(`revision ${told.rev} came after ${state.rev}`)
    if (name === 'playlists.playlistDeleted') return null
    const { title = state.title, description = state.description, visibility, rev, updatedAt } = told
    return {
      ...state,
      title,
      description,
      visibility,
      rev,
      updatedAt,
      items: inOrder(itemsAfter(state.items, name, told)),
    }
  },
}

function itemsAfter(items: readonly KeptItem[], name: StreamEvent['name'], told: Told): KeptItem[] {
  if (name === 'playlists.itemAdded' && told.item !== undefined) return [...items, told.item]
  if (name === 'playlists.itemRemoved') return items.filter(({ itemId }) => itemId !== told.itemId)
  const ranks = new Map((told.places ?? []).map(({ itemId, rank }) => [itemId, rank]))
  return items.map(item => ({ ...item, rank: ranks.get(item.itemId) ?? item.rank }))
}

/** Of a track that is gone a place is left to those who can take it out. */
function withTrack({ items, viewer }: NonNullable<PlaylistCopy>, told: Told): KeptItem[] {
  const { itemIds = [], isGone = false } = told
  if (isGone && viewer?.canEdit !== true) return items.filter(({ itemId }) => !itemIds.includes(itemId))
  return items.map(item => (itemIds.includes(item.itemId) ? itemWithTrack(item, told) : item))
}

/** What the viewer is to the track no event says; a track that was not shown before, or is not told, is asked for. */
function itemWithTrack(item: KeptItem, { trackId, track = null }: Told): KeptItem {
  if (track === null || item.track === null) return { ...item, ...(trackId === undefined ? {} : { trackId }) }
  const { viewer } = item.track
  return track.rev < item.track.rev
    ? item
    : { ...item, track: { ...track, ...(viewer === undefined ? {} : { viewer }) } }
}

const inOrder = (items: KeptItem[]) => items.sort((one, other) => (one.rank < other.rank ? -1 : 1))

/** The playlist as it is shown: tracks that were not told are asked for, and what is played is added up. */
export async function shownPlaylist(copy: PlaylistCopy, viewer: Person): Promise<Playlist | null> {
  if (copy === null) return null
  const items = await Promise.all(copy.items.map(item => shownItem(item, viewer)))
  const tracks = items.flatMap(({ track }) => track ?? [])
  const durationMs = tracks.reduce((sum, track) => sum + (track.durationMs ?? 0), 0)
  return { ...copy, items, trackCount: tracks.length, durationMs }
}

async function shownItem({ trackId, ...item }: KeptItem, viewer: Person): Promise<Item> {
  if (trackId === undefined) return item
  // What the viewer has done with it no event tells either.
  const { data = null } = await viewer.ask(getTrack, { trackId })
  return { ...item, track: data as Item['track'] }
}
