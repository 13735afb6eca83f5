import { type Context } from '../../kernel/context'
import { refusals } from '../../kernel/refusals'
import { count, flag, id, instant, named, optional, shape, type Value, written } from '../../kernel/schema'
import { Block, Follow, Profile } from '../../models'

/** A person as shown beside what they made or did. */
export const profileSummary = named('ProfileSummary', shape({ id, handle: written, displayName: written }))
export type ProfileSummary = Value<typeof profileSummary>

/** A person's own page. `viewer` is there for whoever is signed in. */
export const profileView = named(
  'Profile',
  shape({
    id,
    handle: written,
    displayName: written,
    bio: written,
    followerCount: count,
    followingCount: count,
    rev: count,
    createdAt: instant,
    viewer: optional(shape({ isSelf: flag, following: flag, followedBy: flag, blocking: flag })),
  }),
)
export type ProfileView = Value<typeof profileView>

export const summariseProfile = ({ id, handle, displayName }: ProfileSummary): ProfileSummary => ({
  id,
  handle,
  displayName,
})

/** People by id, for the rows that mention them. */
export async function profileSummaries(ids: readonly string[]): Promise<Map<string, ProfileSummary>> {
  const attributes = ['id', 'handle', 'displayName']
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
export async function visibleProfile(
  id: string,
  { actor }: Pick<Context, 'actor'>,
  { lock = false } = {},
): Promise<Profile> {
  const profile = await Profile.findByPk(id, lock ? { lock: true } : {})
  if (profile === null || (actor !== null && (await hasBlocked(id, actor.id)))) throw refusals.notFound()
  return profile
}

/** Whether the one has blocked the other. */
export const hasBlocked = async (blockerId: string, blockedId: string): Promise<boolean> =>
  (await Block.count({ where: { blockerId, blockedId } })) > 0

export async function viewProfile(profile: Profile, { actor }: Pick<Context, 'actor'>): Promise<ProfileView> {
  const { id, handle, displayName, bio, followerCount, followingCount, rev, createdAt } = profile
  const shown = { id, handle, displayName, bio, followerCount, followingCount, rev, createdAt: createdAt.toISOString() }
  return actor === null ? shown : { ...shown, viewer: await viewerOf(id, actor.id) }
}

async function viewerOf(id: string, viewerId: string): Promise<NonNullable<ProfileView['viewer']>> {
  if (id === viewerId) return { isSelf: true, following: false, followedBy: false, blocking: false }
  const following = await Follow.count({ where: { followerId: viewerId, followeeId: id } })
  const followedBy = await Follow.count({ where: { followerId: id, followeeId: viewerId } })
  const blocking = await Block.count({ where: { blockerId: viewerId, blockedId: id } })
  return { isSelf: false, following: following > 0, followedBy: followedBy > 0, blocking: blocking > 0 }
}
