import { type Context } from '../../kernel/context'
import { type Track } from '../../models'
import { trackTally } from './track-tally'

/** Moves the number of comments of a track, which must be locked, and the revision of its counts; followers see it soon. */
export async function countComment(track: Track, by: 1 | -1, { tally }: Pick<Context, 'tally'>): Promise<void> {
  await track.set({ commentCount: track.commentCount + by, countsRev: track.countsRev + 1 }).save()
  await tally(trackTally, track.id, {})
}
