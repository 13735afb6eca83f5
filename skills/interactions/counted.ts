import { waitingSteps } from './track-tally'

/** A table whose rows keep counts of other rows, with a `counts_rev`. Either changes only under the lock of the row. */
export interface Counted {
  readonly table: 'tracks' | 'profiles'
  readonly counts: readonly Count[]
}

export interface Count {
  /** As views call it. */
  readonly name: string
  readonly column: string
  /** SQL: what is counted for the row `kept`. */
  readonly of: string
  /** SQL: of that, what waits to be added to the count. */
  readonly waiting?: string
}

const waiting = (count: 'likes' | 'reposts') => `(select ${count} from (${waitingSteps('kept.id')}) as steps)`

export const countedTables: readonly Counted[] = [
  {
    table: 'tracks',
    counts: [
      { name: 'likes', column: 'like_count', of: 'likes where track_id = kept.id', waiting: waiting('likes') },
      { name: 'reposts', column: 'repost_count', of: 'reposts where track_id = kept.id', waiting: waiting('reposts') },
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
