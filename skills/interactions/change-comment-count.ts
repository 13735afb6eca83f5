import { type Context } from '../../kernel/pipeline/context'
import { type Track } from '../../models'
import { trackCounter } from './track-counter'

/** Changes the comment count of a locked track, and the revision of its counts, and queues the new counts for followers. */
export async function changeCommentCount(
  track: Track,
  by: 1 | -1,
  { changeCounter }: Pick<Context, 'changeCounter'>,
): Promise<void> {
  await track.set({ commentCount: track.commentCount + by, countsRev: track.countsRev + 1 }).save()
  await changeCounter(trackCounter, track.id, {})
}
