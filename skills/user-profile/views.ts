import { type Context } from '../../kernel/pipeline/context'
import {
  type Page,
  toPage,
  pageSize,
  type Paging,
  parseCursor,
  firstPageCursor,
  isAfterCursor,
} from '../../kernel/pipeline/paging'
import { refusals } from '../../kernel/pipeline/refusals'
import {
  count,
  boolean,
  id,
  timestamp,
  named,
  nullable,
  optional,
  shape,
  type Value,
  outputText,
} from '../../kernel/pipeline/schema'
import { type AppContext } from '../../kernel/platform/app-context'
import { Block, Follow, Profile } from '../../models'
import { avatarRefSql, type PictureRef, pictureRef, toPictureRef } from '../pictures/views'

/** A profile as embedded in other objects: actors, authors, owners. */
export const profileSummary = named(
  'ProfileSummary',
  shape({ id, handle: outputText, displayName: outputText, avatar: nullable(pictureRef) }),
)
export type ProfileSummary = Value<typeof profileSummary>

/** How many actors of a group are listed by name; its `actorCount` counts them all. */
export const actorsListedMax = 3

/** Of two values, the one with the greater `rev` is newer. This `rev` is independent of the profile's own. */
export const profileCounts = named('ProfileCounts', shape({ followers: count, following: count, rev: count }))

const profileFields = {
  id,
  handle: outputText,
  displayName: outputText,
  bio: outputText,
  avatar: nullable(pictureRef),
  counts: profileCounts,
  rev: count,
  createdAt: timestamp,
}

/** A profile without viewer-dependent fields, which can be cached. */
export const profileAttributes = named('ProfileAttributes', shape(profileFields))
export type ProfileAttributes = Value<typeof profileAttributes>

export const profileCacheKey = (profileId: string): string => `profile:${profileId}`

/** A profile as the viewer sees it. `viewer` is present for signed-in viewers. */
export const profileView = named(
  'Profile',
  shape({
    ...profileFields,
    viewer: optional(shape({ isSelf: boolean, following: boolean, followedBy: boolean, blocking: boolean })),
  }),
)
export type ProfileView = Value<typeof profileView>

/** The response of blocking and unblocking; contains nothing else about the user. */
export const blockStatusView = named('BlockStatus', shape({ profileId: id, blocking: boolean }))

export const summarizeProfile = (profile: Profile): ProfileSummary => ({
  id: profile.id,
  handle: profile.handle,
  displayName: profile.displayName,
  avatar: avatarRef(profile),
})

const avatarRef = ({ avatarId, avatarColor }: Pick<Profile, 'avatarId' | 'avatarColor'>): PictureRef | null =>
  toPictureRef(avatarId, avatarColor)

/** SQL: the columns of a profile summary; `profile` is an alias of `profiles`. */
export const summaryColumns = (profile: string): string =>
  `${profile}.id, ${profile}.handle, ${profile}.display_name as "displayName", ${avatarRefSql(profile)} as avatar`

/** SQL: a profile summary as JSON; `profile` is an alias of `profiles`. */
export const summaryJson = (profile: string): string =>
  `jsonb_build_object('id', ${profile}.id, 'handle', ${profile}.handle, 'displayName', ${profile}.display_name,
    'avatar', ${avatarRefSql(profile)})`

/** Profile summaries by id, in one query. */
export async function loadProfileSummaries(ids: readonly string[]): Promise<Map<string, ProfileSummary>> {
  const attributes = ['id', 'handle', 'displayName', 'avatarId', 'avatarColor']
  const profiles = await Profile.findAll({ where: { id: [...new Set(ids)] }, attributes })
  return new Map(profiles.map(profile => [profile.id, summarizeProfile(profile)]))
}

/** @throws `not_found` when the profile does not exist. */
export async function loadProfileSummary(id: string): Promise<ProfileSummary> {
  const summary = (await loadProfileSummaries([id])).get(id)
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
export async function findBlockers(viewerId: string, among: readonly string[]): Promise<Set<string>> {
  const blocks = await Block.findAll({ where: { blockerId: [...new Set(among)], blockedId: viewerId } })
  return new Set(blocks.map(({ blockerId }) => blockerId))
}

type ViewColumn = 'id' | 'handle' | 'displayName' | 'bio' | 'avatarId' | 'avatarColor' | 'createdAt' | 'rev'
type CountColumn = 'followerCount' | 'followingCount' | 'countsRev'
/** The columns of a profile view, from a model or from a plain row. */
export type ProfileRow = Pick<Profile, ViewColumn | CountColumn>

const rowSql = `
  select id, handle, display_name as "displayName", bio, avatar_id as "avatarId", avatar_color as "avatarColor",
    follower_count as "followerCount", following_count as "followingCount", counts_rev as "countsRev", rev,
    created_at as "createdAt"
  from profiles where id = $1`

/** Reads a profile without Sequelize, outside of transactions. For frequent reads. */
export async function readProfileRow(id: string, { db }: Pick<AppContext, 'db'>): Promise<ProfileRow | undefined> {
  const [row] = await db.readCommitted<ProfileRow>({ name: 'profile-row', text: rowSql, values: [id] })
  return row
}

export function describeProfile(profile: ProfileRow): ProfileAttributes {
  const { id, handle, displayName, bio, rev, createdAt } = profile
  return {
    ...{ id, handle, displayName, bio, rev },
    avatar: avatarRef(profile),
    counts: profileCountsOf(profile),
    createdAt: createdAt.toISOString(),
  }
}

export const profileCountsOf = (profile: Pick<ProfileRow, CountColumn>): Value<typeof profileCounts> => ({
  followers: profile.followerCount,
  following: profile.followingCount,
  rev: profile.countsRev,
})

/** `describeProfile`, with the viewer's relation to the profile. */
export const viewProfile = (profile: ProfileRow, context: Pick<Context, 'actor'>): Promise<ProfileView> =>
  viewProfileAttributes(describeProfile(profile), context)

export async function viewProfileAttributes(
  profile: ProfileAttributes,
  { actor }: Pick<Context, 'actor'>,
): Promise<ProfileView> {
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
interface ProfilesQuery {
  from: 'follows' | 'blocks' | 'likes'
  profileColumn: 'follower_id' | 'followee_id' | 'blocked_id' | 'profile_id'
  where: string
  params: Record<string, unknown>
}

/** A page of profile summaries, most recent row first. */
export async function listProfiles(
  { from, profileColumn, where, params }: ProfilesQuery,
  paging: Paging,
  app: AppContext,
): Promise<Page<ProfileSummary>> {
  const size = pageSize(paging)
  const [at, id] = parseCursor(paging, 2) ?? firstPageCursor
  const rows = await app.db.query<ProfileSummary & { at: Date }>(
    `select ${summaryColumns('p')}, r.created_at as at
     from ${from} r join profiles p on p.id = r.${profileColumn}
     where ${where} and ${isAfterCursor('r.created_at', `r.${profileColumn}`)}
     order by r.created_at desc, r.${profileColumn} desc limit :count`,
    { ...params, at, id, count: size + 1 },
  )
  const page = toPage(rows, size, row => [row.at.toISOString(), row.id])
  return page.map(({ id, handle, displayName, avatar }) => ({ id, handle, displayName, avatar }))
}
