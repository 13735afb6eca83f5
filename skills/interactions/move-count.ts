import { type Track } from '../../models'

/** Moves one counter of a track, which must be locked, and the revision of its counts. */
export async function moveCount(
  track: Track,
  counter: 'likeCount' | 'repostCount' | 'commentCount',
  by: 1 | -1,
): Promise<void> {
  track.set(counter, track[counter] + by)
  await track.set({ countsRev: track.countsRev + 1 }).save()
}
