import { type Context } from '../../kernel/context'
import { type Page, pageFrom, pageSize, type Paging, readCursor } from '../../kernel/paging'
import { refusals } from '../../kernel/refusals'
import { count, flag, id, instant, named, nullable, optional, shape, type Value, written } from '../../kernel/schema'
import { type World } from '../../kernel/world'
import { Block, Follow, Profile } from '../../models'
import { avatarOf, type PictureRef, pictureRef, refOf } from '../pictures/views'

/** A profile as embedded in other objects: actors, authors, owners. */
export const profileSummary = named(
  'ProfileSummary',
  shape({ id, handle: written, displayName: written, avatar: nullable(pictureRef) }),
)
export type ProfileSummary = Value<typeof profileSummary>

/** Of two values, the one with the greater `rev` is newer. This `rev` is independent of the profile's own. */
export const profileCounts = named('ProfileCounts', shape({ followers: count, following: count, rev: count }))

const profileFields = {
  id,
  handle: written,
  displayName: written,
  bio: written,
  avatar: nullable(pictureRef),
  counts: profileCounts,
  rev: count,
  createdAt: instant,
}

/** A profile without viewer-dependent fields, which can be cached. */
export const profileFacts = named('ProfileFacts', shape(profileFields))
export type ProfileFacts = Value<typeof profileFacts>

export const profileCacheKey = (profileId: string): string => `profile:${profileId}`

/** A profile as the viewer sees it. `viewer` is present for signed-in viewers. */
export const profileView = named(
  'Profile',
  shape({
    ...profileFields,
    viewer: optional(shape({ isSelf: flag, following: flag, followedBy: flag, blocking: flag })),
  }),
)
export type ProfileView = Value<typeof profileView>

/** The response of blocking and unblocking; contains nothing else about the user. */
export const blockStance = named('BlockStance', shape({ profileId: id, blocking: flag }))

export const summariseProfile = (profile: Profile): ProfileSummary => ({
  id: profile.id,
  handle: profile.handle,
  displayName: profile.displayName,
  avatar: avatarRef(profile),
})

const avatarRef = ({ avatarId, avatarColor }: Profile): PictureRef | null => refOf(avatarId, avatarColor)

/** SQL: the columns of a profile summary; `profile` is an alias of `profiles`. */
export const summaryColumns = (profile: string): string =>
  `${profile}.id, ${profile}.handle, ${profile}.display_name as "displayName", ${avatarOf(profile)} as avatar`

/** SQL: a profile summary as JSON; `profile` is an alias of `profiles`. */
export const summaryJson = (profile: string): string =>
  `jsonb_build_object('id', ${profile}.id, 'handle', ${profile}.handle, 'displayName', ${profile}.display_name,
    'avatar', ${avatarOf(profile)})`

/** Profile summaries by id, in one query. */
export async function profileSummaries(ids: readonly string[]): Promise<Map<string, ProfileSummary>> {
  const attributes = ['id', 'handle', 'displayName', 'avatarId', 'avatarColor']
  const profiles = await Profile.findAll({ where: { id: [...new Set(ids)] }, attributes })
  return new Map(profiles.map(profile => [profile.id, summariseProfile(profile)]))
}

/** @throws `not_found` when the profile does not exist. */
export async function profileSummaryOf(id: string): Promise<ProfileSummary> {
  const summary = (await profileSummaries([id])).get(id)
  if (summary === undefined) throw refusals.notFound()
  return summary
}

/**
 * A profile that the viewer may see.
 * @throws `not_found` when it does not exist, or when its owner has blocked the viewer.
 */
export async function visibleProfile(id: string, { actor }: Pick<Context, 'actor'>): Promise<Profile> {
  const profile = await Profile.findByPk(id)
  if (profile === null || (actor !== null && (await hasBlocked(id, actor.id)))) throw refusals.notFound()
  return profile
}

/** SQL: one of the two has blocked the other; false if one is null. Both are columns or named parameters. */
export const blockBetween = (one: string, other: string): string =>
  `exists (select from blocks where (blocker_id, blocked_id) in ((${one}, ${other}), (${other}, ${one})))`

export const hasBlocked = async (blockerId: string, blockedId: string): Promise<boolean> =>
  (await Block.count({ where: { blockerId, blockedId } })) > 0

/** The profiles in `among` that have blocked the viewer. */
export async function blockersOf(viewerId: string, among: readonly string[]): Promise<Set<string>> {
  const blocks = await Block.findAll({ where: { blockerId: [...new Set(among)], blockedId: viewerId } })
  return new Set(blocks.map(({ blockerId }) => blockerId))
}

export function describeProfile(profile: Profile): ProfileFacts {
  const { id, handle, displayName, bio, rev, createdAt } = profile
  return {
    ...{ id, handle, displayName, bio, rev },
    avatar: avatarRef(profile),
    counts: profileCountsOf(profile),
    createdAt: createdAt.toISOString(),
  }
}

export const profileCountsOf = (profile: Profile): Value<typeof profileCounts> => ({
  followers: profile.followerCount,
  following: profile.followingCount,
  rev: profile.countsRev,
})

/** `describeProfile`, with the viewer's relation to the profile. */
export const viewProfile = (profile: Profile, context: Pick<Context, 'actor'>): Promise<ProfileView> =>
  viewFacts(describeProfile(profile), context)

export async function viewFacts(profile: ProfileFacts, { actor }: Pick<Context, 'actor'>): Promise<ProfileView> {
  return actor === null ? profile : { ...profile, viewer: await viewerRelation(profile.id, actor.id) }
}

async function viewerRelation(id: string, viewerId: string): Promise<NonNullable<ProfileView['viewer']>> {
  if (id === viewerId) return { isSelf: true, following: false, followedBy: false, blocking: false }
  const following = await Follow.count({ where: { followerId: viewerId, followeeId: id } })
  const followedBy = await Follow.count({ where: { followerId: id, followeeId: viewerId } })
  const blocking = await Block.count({ where: { blockerId: viewerId, blockedId: id } })
  return { isSelf: false, following: following > 0, followedBy: followedBy > 0, blocking: blocking > 0 }
}

/** The profiles in column `who` of a table's rows; `where` is a condition on the row `r` and its profile `p`. */
interface PeopleQuery {
  from: 'follows' | 'blocks' | 'likes'
  who: 'follower_id' | 'followee_id' | 'blocked_id' | 'profile_id'
  where: string
  names: Record<string, unknown>
}

/** A page of profile summaries, most recent row first. */
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

/** The cursor of the first page of a newest-first list: before any row. */
export const newest: readonly [at: string, id: string] = ['infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff']
