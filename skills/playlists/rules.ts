import { type Actor, isModerator } from '../../kernel/pipeline/actor'
import { type Playlist } from '../../models'

/** The columns that decide who may see a playlist. */
export type PlaylistAccessFields = Pick<Playlist, 'ownerId' | 'visibility' | 'deletedAt'>

/** Anybody with the id may see an unlisted playlist; only the owner and moderators may see a private one. */
export function maySeePlaylist(
  viewer: Actor | null,
  playlist: PlaylistAccessFields,
  isBlockedByOwner: boolean,
): boolean {
  if (playlist.deletedAt !== null) return false
  if (viewer?.id === playlist.ownerId || isModerator(viewer)) return true
  return playlist.visibility !== 'private' && !isBlockedByOwner
}

export const mayEditPlaylist = (actor: Actor | null, playlist: Pick<PlaylistAccessFields, 'ownerId'>): boolean =>
  actor?.id === playlist.ownerId

export const mayDeletePlaylist = (actor: Actor | null, playlist: Pick<PlaylistAccessFields, 'ownerId'>): boolean =>
  mayEditPlaylist(actor, playlist) || isModerator(actor)
