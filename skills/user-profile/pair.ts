import { Transaction } from 'sequelize'
import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { refusals } from '../../kernel/refusals'
import { Follow, Profile } from '../../models'
import { type profileFollowed } from './events'
import { profileCountsOf, summariseProfile } from './views'

/** The caller and somebody else, both rows locked. */
export interface Pair {
  me: Profile
  other: Profile
}

/**
 * Locks both rows in the order of their ids, so that two who act on each other at once wait instead of deadlocking. The
 * lock lets others insert what refers to these people.
 * @throws `invalid_input` for oneself, `not_found` when there is no such profile.
 */
export async function lockPair(otherId: string, { actor }: Pick<Context<Actor>, 'actor'>): Promise<Pair> {
  if (otherId === actor.id) throw oneself()
  const rows = await Profile.findAll({
    where: { id: [actor.id, otherId] },
    order: [['id', 'ASC']],
    lock: Transaction.LOCK.NO_KEY_UPDATE,
  })
  const me = rows.find(({ id }) => id === actor.id)
  const other = rows.find(({ id }) => id === otherId)
  if (me === undefined || other === undefined) throw refusals.notFound()
  return { me, other }
}

const oneself = () =>
  refusals.invalidInput(undefined, {
    errors: [{ path: 'profileId', code: 'oneself', message: 'profileId must be somebody else' }],
  })

/** Ends a follow, if there is one, and says whether there was. */
export async function endFollow(follower: Profile, followee: Profile): Promise<boolean> {
  const ended = await Follow.destroy({ where: { followerId: follower.id, followeeId: followee.id } })
  if (ended > 0) await countFollow(follower, followee, -1)
  return ended > 0
}

/** Moves the counts of both, who must be locked, and the revisions of their counts. */
export async function countFollow(follower: Profile, followee: Profile, by: 1 | -1): Promise<void> {
  await follower.update({ followingCount: follower.followingCount + by, countsRev: follower.countsRev + 1 })
  await followee.update({ followerCount: followee.followerCount + by, countsRev: followee.countsRev + 1 })
}

/** Tells both of a follow that `me` began (`profileFollowed`) or ended, which has the same payload. */
export const tellOfFollow = (
  type: typeof profileFollowed,
  { me, other }: Pair,
  { emit }: Pick<Context, 'emit'>,
): Promise<void> =>
  emit(type, {
    profileId: other.id,
    by: summariseProfile(me),
    counts: profileCountsOf(other),
    byCounts: profileCountsOf(me),
  })
