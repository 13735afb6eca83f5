import { Transaction } from 'sequelize'
import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { invalidField, refusals } from '../../kernel/pipeline/refusals'
import { Follow, Profile } from '../../models'
import { type profileFollowed } from './events'
import { profileCountsOf, summarizeProfile } from './views'

/** The profiles of the caller and of another user, both locked. */
export interface ProfilePair {
  me: Profile
  other: Profile
}

/**
 * Locks both profiles in id order, so that two users who follow or block each other at once do not deadlock. `no key update`
 * lets others insert rows that reference these profiles.
 * @throws `invalid_input` for the caller's own id, `not_found` when the profile does not exist.
 */
export async function lockProfilePair(otherId: string, { actor }: Pick<Context<Actor>, 'actor'>): Promise<ProfilePair> {
  if (otherId === actor.id) throw ownProfile()
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

const ownProfile = () => invalidField('profileId', 'own_profile', 'profileId must not be your own')

/** Deletes a follow and updates the counts of both; returns whether there was one. */
export async function deleteFollow(follower: Profile, followee: Profile): Promise<boolean> {
  const deleted = await Follow.destroy({ where: { followerId: follower.id, followeeId: followee.id } })
  if (deleted > 0) await changeFollowCounts(follower, followee, -1)
  return deleted > 0
}

/** Changes the counts of two locked profiles, and the revisions of their counts. */
export async function changeFollowCounts(follower: Profile, followee: Profile, by: 1 | -1): Promise<void> {
  await follower.update({ followingCount: follower.followingCount + by, countsRev: follower.countsRev + 1 })
  await followee.update({ followerCount: followee.followerCount + by, countsRev: followee.countsRev + 1 })
}

/** Emits `profileFollowed` or `profileUnfollowed`, which have the same payload. */
export const emitFollowChange = (
  type: typeof profileFollowed,
  { me, other }: ProfilePair,
  { emit }: Pick<Context, 'emit'>,
): Promise<void> =>
  emit(type, {
    profileId: other.id,
    actor: summarizeProfile(me),
    counts: profileCountsOf(other),
    actorCounts: profileCountsOf(me),
  })
