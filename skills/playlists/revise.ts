import { type Playlist } from '../../models'

/** Makes one change of a locked playlist: its next revision. Gives what every event says of it. */
export async function revise(playlist: Playlist, now: Date, values: { removedAt?: Date } = {}) {
  await playlist.set({ ...values, rev: playlist.rev + 1, updatedAt: now }).save()
  return aboutPlaylist(playlist)
}

export const aboutPlaylist = ({ id, ownerId, visibility, rev, updatedAt }: Playlist) => ({
  playlistId: id,
  ownerId,
  visibility,
  rev,
  updatedAt: updatedAt.toISOString(),
})
