import { isUuid } from '../../kernel/pipeline/uuid'
import { type AppContext } from '../../kernel/platform/app-context'
import { Profile } from '../../models'
import { findHandleOwner } from './handles'
import { describeProfile, profileCacheKey, type ProfileAttributes } from './views'

const cacheMs = 60_000

/** The viewer-independent view of a profile, by id or by current or former handle; cached. */
export async function findProfile(handleOrId: string, app: AppContext): Promise<ProfileAttributes | undefined> {
  const key = handleOrId.toLowerCase()
  if (isUuid(key)) return profileById(key, app)
  const cachedId = await app.cache.getOrLoad(`profile-of:${key}`, cacheMs, () => findHandleOwner(key, app))
  const profile = cachedId === undefined ? undefined : await profileById(cachedId, app)
  if (profile === undefined || profile.handle.toLowerCase() === key) return profile
  // The cached owner of a handle is never invalidated: if the profile has another handle, look it up again.
  const profileId = await findHandleOwner(key, app)
  return profileId === undefined ? undefined : profileById(profileId, app)
}

const profileById = (id: string, app: AppContext) =>
  app.cache.getOrLoad(profileCacheKey(id), cacheMs, async () => {
    const profile = await Profile.findByPk(id)
    return profile === null ? undefined : describeProfile(profile)
  })
