import { type Context } from '../../kernel/context'
import { type Page, pageFrom, pageSize, type Paging, readCursor } from '../../kernel/paging'
import { refusals } from '../../kernel/refusals'
import { count, flag, id, instant, named, nullable, optional, shape, type Value, written } from '../../kernel/schema'
import { type World } from '../../kernel/world'
import { Block, Follow, Profile } from '../../models'
import { avatarOf, type PictureRef, pictureRef, refOf } from '../pictures/views'

/** A person as shown beside what they made or did. */
export const profileSummary = named(
  'ProfileSummary',
  shape({ id, handle: written, displayName: written, avatar: nullable(pictureRef) }),
)
export type ProfileSummary = Value<typeof profileSummary>

/** One value: of two, the one with the greater `rev` is newer. It has nothing to do with the `rev` of its profile. */
export const profileCounts = named('ProfileCounts', shape({ followers: count, following: count, rev: count }))

const facts = {
  id,
  handle: written,
  displayName: written,
  bio: written,
  avatar: nullable(pictureRef),
  counts: profileCounts,
  rev: count,
  createdAt: instant,
}

/** What of a profile does not depend on who looks, and so may be kept in the cache. */
export const profileFacts = named('ProfileFacts', shape(facts))
export type ProfileFacts = Value<typeof profileFacts>

export const profileCacheKey = (profileId: string): string => `profile:${profileId}`

/** A person's own page. `viewer` is there for whoever is signed in. */
export const profileView = named(
  'Profile',
  shape({ ...facts, viewer: optional(shape({ isSelf: flag, following: flag, followedBy: flag, blocking: flag })) }),
)
export type ProfileView = Value<typeof profileView>

/** Whether you block somebody: the answer to blocking, which tells no more about them. */
export const blockStance = named('BlockStance', shape({ profileId: id, blocking: flag }))

export const summariseProfile = (profile: Profile): ProfileSummary => ({
  id: profile.id,
  handle: profile.handle,
  displayName: profile.displayName,
  avatar: avatarShown(profile),
})

const avatarShown = ({ avatarId, avatarColor }: Profile): PictureRef | null => refOf(avatarId, avatarColor)

/** SQL: the columns of a summary, from a row of profiles. */
export const summaryColumns = (profile: string): string =>
  `${profile}.id, ${profile}.handle, ${profile}.display_name as "displayName", ${avatarOf(profile)} as avatar`

/** SQL: a summary as JSON, from a row of profiles. */
export const summaryJson = (profile: string): string =>
  `jsonb_build_object('id', ${profile}.id, 'handle', ${profile}.handle, 'displayName', ${profile}.display_name,
    'avatar', ${avatarOf(profile)})`

/** People by id, for the rows that mention them. */
export async function profileSummaries(ids: readonly string[]): Promise<Map<string, ProfileSummary>> {
  const attributes = ['id', 'handle', 'displayName', 'avatarId', 'avatarColor']
  const profiles = await Profile.findAll({ where: { id: [...new Set(ids)] }, attributes })
  return new Map(profiles.map(profile => [profile.id, summariseProfile(profile)]))
}

/** The one summary that must be there. */
export async function profileSummaryOf(id: string): Promise<ProfileSummary> {
  const summary = (await profileSummaries([id])).get(id)
  if (summary === undefined) throw refusals.notFound()
  return summary
}

/**
 * A profile as the viewer may see it.
 * @throws `not_found` when there is none, or when its owner has blocked the viewer.
 */
export async function visibleProfile(id: string, { actor }: Pick<Context, 'actor'>): Promise<Profile> {
  const profile = await Profile.findByPk(id)
  if (profile === null || (actor !== null && (await hasBlocked(id, actor.id)))) throw refusals.notFound()
  return profile
}

/** SQL: one of the two has blocked the other. False for nobody (null). Both are columns or names of values. */
export const blockBetween = (one: string, other: string): string =>
  `exists (select from blocks where (blocker_id, blocked_id) in ((${one}, ${other}), (${other}, ${one})))`

/** Whether the one has blocked the other. */
export const hasBlocked = async (blockerId: string, blockedId: string): Promise<boolean> =>
  (await Block.count({ where: { blockerId, blockedId } })) > 0

/** Those of these people who have blocked the viewer. */
export async function blockersOf(viewerId: string, among: readonly string[]): Promise<Set<string>> {
  const blocks = await Block.findAll({ where: { blockerId: [...new Set(among)], blockedId: viewerId } })
  return new Set(blocks.map(({ blockerId }) => blockerId))
}

export function describeProfile(profile: Profile): ProfileFacts {
  const { id, handle, displayName, bio, rev, createdAt } = profile
  return {
    ...{ id, handle, displayName, bio, rev },
    avatar: avatarShown(profile),
    counts: profileCountsOf(profile),
    createdAt: createdAt.toISOString(),
  }
}

export const profileCountsOf = (profile: Profile): Value<typeof profileCounts> => ({
  followers: profile.followerCount,
  following: profile.followingCount,
  rev: profile.countsRev,
})

/** The same facts, and what the viewer has to do with them. */
export const viewProfile = (profile: Profile, context: Pick<Context, 'actor'>): Promise<ProfileView> =>
  viewFacts(describeProfile(profile), context)

export async function viewFacts(shown: ProfileFacts, { actor }: Pick<Context, 'actor'>): Promise<ProfileView> {
  return actor === null ? shown : { ...shown, viewer: await viewerOf(shown.id, actor.id) }
}

async function viewerOf(id: string, viewerId: string): Promise<NonNullable<ProfileView['viewer']>> {
  if (id === viewerId) return { isSelf: true, following: false, followedBy: false, blocking: false }
  const following = await Follow.count({ where: { followerId: viewerId, followeeId: id } })
  const followedBy = await Follow.count({ where: { followerId: id, followeeId: viewerId } })
  const blocking = await Block.count({ where: { blockerId: viewerId, blockedId: id } })
  return { isSelf: false, following: following > 0, followedBy: followedBy > 0, blocking: blocking > 0 }
}

/** The people in column `who` of those rows of a table that fit `where`, a condition on the row `r` and its person `p`. */
interface PeopleQuery {
  from: 'follows' | 'blocks' | 'likes'
  who: 'follower_id' | 'followee_id' | 'blocked_id' | 'profile_id'
  where: string
  names: Record<string, unknown>
}

/** A page of people, the latest first. */
export async function listPeople(
  { from, who, where, names }: PeopleQuery,
  paging: Paging,
  world: World,
): Promise<Page<ProfileSummary>> {
  const size = pageSize(paging)
  const [at, id] = readCursor(paging, 2) ?? newest
  const rows = await world.db.query<ProfileSummary & { at: Date }>(
    `select ${summaryColumns('p')}, r.created_at as at
     from ${from} r join profiles p on p.id = r.${who}
     where ${where} and (r.created_at, r.${who}) < (cast(:at as timestamptz), cast(:id as uuid))
     order by r.created_at desc, r.${who} desc limit :count`,
    { ...names, at, id, count: size + 1 },
  )
  return pageFrom(
    rows,
    size,
    row => [row.at.toISOString(), row.id],
    ({ id, handle, displayName, avatar }) => ({ id, handle, displayName, avatar }),
  )
}

/** Where the first page of what is newest first begins: before any row. */
export const newest: readonly [at: string, id: string] = ['infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff']
