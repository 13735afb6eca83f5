import { type Context } from '../../kernel/context'
import { type Track } from '../../models'
import { trackTally } from './track-tally'

/** Changes the comment count of a locked track, and the revision of its counts, and queues the new counts for followers. */
export async function countComment(track: Track, by: 1 | -1, { tally }: Pick<Context, 'tally'>): Promise<void> {
  await track.set({ commentCount: track.commentCount + by, countsRev: track.countsRev + 1 }).save()
  await tally(trackTally, track.id, {})
}
