import { type Playlist } from '../../models'

/** Saves a locked playlist with the next `rev`; returns the fields of every playlist event. */
export async function saveRevision(playlist: Playlist, now: Date, values: { deletedAt?: Date } = {}) {
  await playlist.set({ ...values, rev: playlist.rev + 1, updatedAt: now }).save()
  return playlistEventFields(playlist)
}

export const playlistEventFields = ({ id, ownerId, visibility, rev, updatedAt }: Playlist) => ({
  playlistId: id,
  ownerId,
  visibility,
  rev,
  updatedAt: updatedAt.toISOString(),
})
