import { job } from '../../kernel/events/job'
import { type CountedTable, reconcileCounts } from '../../kernel/events/reconcile-counts'
import { emptyObject } from '../../kernel/pipeline/schema'

/** Compares the follower counts of profiles with their follows each night, and repairs differences. */
export const reconcileProfileCounts = job({
  name: 'user-profile.reconcileProfileCounts',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '51 3 * * *',

  run: (_payload, context) => reconcileCounts(profiles, context),
})

const profiles: CountedTable = {
  table: 'profiles',
  counts: [
    { name: 'followers', column: 'follower_count', source: 'follows where followee_id = target.id' },
    { name: 'following', column: 'following_count', source: 'follows where follower_id = target.id' },
  ],
}
