import { type Actor } from '../../kernel/actor'
import { Follow, type Track, TrackGuest } from '../../models'
import { blockersOf } from '../user-profile/views'
import { type Standing, stranger } from './rules'

/**
 * What somebody is to each of some tracks, as far as it decides: at most three queries whatever their number, one as long
 * as all of them are public.
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
  const visits =
    unlisted.length === 0 ? [] : await TrackGuest.findAll({ where: { trackId: unlisted, profileId: viewer.id } })

  const followeeIds = new Set(follows.map(({ followeeId }) => followeeId))
  const visitedIds = new Set(visits.map(({ trackId }) => trackId))
  return ({ id, ownerId }) => ({
    isBlocked: blockers.has(ownerId),
    isFollower: followeeIds.has(ownerId),
    isGuest: visitedIds.has(id),
  })
}

const ownersOf = (tracks: readonly Track[]): string[] => [...new Set(tracks.map(({ ownerId }) => ownerId))]
