import { type Actor } from '../../kernel/actor'
import { Follow, type Track, TrackGuest } from '../../models'
import { blockersOf } from '../user-profile/views'
import { type Standing, stranger } from './rules'

/**
 * The relation of a viewer to each of some tracks, as far as their visibility needs it: at most three queries for any
 * number of tracks, one when all are public.
 */
export async function standingsTo(tracks: readonly Track[], viewer: Actor | null): Promise<(track: Track) => Standing> {
  const others = tracks.filter(({ ownerId }) => ownerId !== viewer?.id)
  if (viewer === null || others.length === 0) return () => stranger
  const blockers = await blockersOf(viewer.id, ownersOf(others))
  const forFollowers = ownersOf(others.filter(({ visibility }) => visibility === 'followers'))
  const follows =
    forFollowers.length === 0
      ? []
      : await Follow.findAll({ where: { followeeId: forFollowers, followerId: viewer.id } })
  const unlisted = others.filter(({ visibility }) => visibility === 'unlisted').map(({ id }) => id)
  const links =
    unlisted.length === 0 ? [] : await TrackGuest.findAll({ where: { trackId: unlisted, profileId: viewer.id } })

  const followeeIds = new Set(follows.map(({ followeeId }) => followeeId))
  const linkedIds = new Set(links.map(({ trackId }) => trackId))
  return ({ id, ownerId }) => ({
    isBlocked: blockers.has(ownerId),
    isFollower: followeeIds.has(ownerId),
    isGuest: linkedIds.has(id),
  })
}

const ownersOf = (tracks: readonly Track[]): string[] => [...new Set(tracks.map(({ ownerId }) => ownerId))]
