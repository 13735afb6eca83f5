import { job } from '../../kernel/events/job'
import { type CountedTable, reconcileCounts } from '../../kernel/events/reconcile-counts'
import { emptyObject } from '../../kernel/pipeline/schema'
import { pendingChanges } from './track-counter'

/** Compares the counts of tracks with their likes, reposts and comments each night, and repairs differences. */
export const reconcileTrackCounts = job({
  name: 'interactions.reconcileTrackCounts',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '41 3 * * *',

  run: (_payload, context) => reconcileCounts(tracks, context),
})

const pending = (count: 'likes' | 'reposts') => `(select ${count} from (${pendingChanges('target.id')}) as changes)`

const tracks: CountedTable = {
  table: 'tracks',
  counts: [
    { name: 'likes', column: 'like_count', source: 'likes where track_id = target.id', pending: pending('likes') },
    {
      name: 'reposts',
      column: 'repost_count',
      source: 'reposts where track_id = target.id',
      pending: pending('reposts'),
    },
    { name: 'comments', column: 'comment_count', source: 'comments where track_id = target.id and deleted_at is null' },
  ],
}
