import { pendingChanges } from './track-counter'

/** A table with denormalized counts and a `counts_rev`. Both change only under the row's lock. */
export interface CountedTable {
  readonly table: 'tracks' | 'profiles'
  readonly counts: readonly StoredCount[]
}

export interface StoredCount {
  /** The name of the count in views. */
  readonly name: string
  readonly column: string
  /** SQL: table and condition of the rows counted for the row `kept`. */
  readonly source: string
  /** SQL: the sum of the counter changes not yet applied to the column. */
  readonly pending?: string
}

const pending = (count: 'likes' | 'reposts') => `(select ${count} from (${pendingChanges('kept.id')}) as changes)`

export const countedTables: readonly CountedTable[] = [
  {
    table: 'tracks',
    counts: [
      { name: 'likes', column: 'like_count', source: 'likes where track_id = kept.id', pending: pending('likes') },
      {
        name: 'reposts',
        column: 'repost_count',
        source: 'reposts where track_id = kept.id',
        pending: pending('reposts'),
      },
      { name: 'comments', column: 'comment_count', source: 'comments where track_id = kept.id and removed_at is null' },
    ],
  },
  {
    table: 'profiles',
    counts: [
      { name: 'followers', column: 'follower_count', source: 'follows where followee_id = kept.id' },
      { name: 'following', column: 'following_count', source: 'follows where follower_id = kept.id' },
    ],
  },
]
