import { type World } from '../../kernel/world'
import { Profile } from '../../models'
import { holderOf } from './handles'
import { describeProfile, profileCacheKey, type ProfileFacts } from './views'

const cacheMs = 60_000

/** The viewer-independent view of a profile, by id or by current or former handle; cached. */
export async function findProfile(handleOrId: string, world: World): Promise<ProfileFacts | undefined> {
  const key = handleOrId.toLowerCase()
  if (isId(key)) return profileById(key, world)
  const cachedId = await world.cache.through(`profile-of:${key}`, cacheMs, () => holderOf(key, world))
  const profile = cachedId === undefined ? undefined : await profileById(cachedId, world)
  if (profile === undefined || profile.handle.toLowerCase() === key) return profile
  // The cached owner of a handle is never invalidated: if the profile has another handle, look it up again.
  const profileId = await holderOf(key, world)
  return profileId === undefined ? undefined : profileById(profileId, world)
}

const isId = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

const profileById = (id: string, world: World) =>
  world.cache.through(profileCacheKey(id), cacheMs, async () => {
    const profile = await Profile.findByPk(id)
    return profile === null ? undefined : describeProfile(profile)
  })
