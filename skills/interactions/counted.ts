import { waitingSteps } from './track-tally'

/** A table with denormalized counts and a `counts_rev`. Both change only under the row's lock. */
export interface Counted {
  readonly table: 'tracks' | 'profiles'
  readonly counts: readonly Count[]
}

export interface Count {
  /** The name of the count in views. */
  readonly name: string
  readonly column: string
  /** SQL: table and condition of the rows counted for the row `kept`. */
  readonly of: string
  /** SQL: the sum of the counter changes not yet applied to the column. */
  readonly waiting?: string
}

const pending = (count: 'likes' | 'reposts') => `(select ${count} from (${waitingSteps('kept.id')}) as changes)`

export const countedTables: readonly Counted[] = [
  {
    table: 'tracks',
    counts: [
      { name: 'likes', column: 'like_count', of: 'likes where track_id = kept.id', waiting: pending('likes') },
      { name: 'reposts', column: 'repost_count', of: 'reposts where track_id = kept.id', waiting: pending('reposts') },
      { name: 'comments', column: 'comment_count', of: 'comments where track_id = kept.id and removed_at is null' },
    ],
  },
  {
    table: 'profiles',
    counts: [
      { name: 'followers', column: 'follower_count', of: 'follows where followee_id = kept.id' },
      { name: 'following', column: 'following_count', of: 'follows where follower_id = kept.id' },
    ],
  },
]
