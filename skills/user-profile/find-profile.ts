import { type World } from '../../kernel/world'
import { Profile } from '../../models'
import { holderOf } from './handles'
import { describeProfile, profileCacheKey, type ProfileFacts } from './views'

const keptMs = 60_000

/** What anybody may know of a profile, by its id or its handle, present or former; from the cache where it is there. */
export async function findProfile(handleOrId: string, world: World): Promise<ProfileFacts | undefined> {
  const sought = handleOrId.toLowerCase()
  if (isId(sought)) return factsOf(sought, world)
  const hint = await world.cache.through(`profile-of:${sought}`, keptMs, () => holderOf(sought, world))
  const facts = hint === undefined ? undefined : await factsOf(hint, world)
  if (facts === undefined || facts.handle.toLowerCase() === sought) return facts
  // Whose handle it is was true once. Nothing drops that from the cache: the profile itself confirms it, or not.
  const holder = await holderOf(sought, world)
  return holder === undefined ? undefined : factsOf(holder, world)
}

const isId = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

const factsOf = (id: string, world: World) =>
  world.cache.through(profileCacheKey(id), keptMs, async () => {
    const profile = await Profile.findByPk(id)
    return profile === null ? undefined : describeProfile(profile)
  })
