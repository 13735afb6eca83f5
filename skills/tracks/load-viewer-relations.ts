import { type Actor } from '../../kernel/pipeline/actor'
import { Follow, type Track, TrackLinkHolder } from '../../models'
import { findBlockers } from '../user-profile/views'
import { type ViewerRelation, noRelation } from './rules'

/**
 * The relation of a viewer to each of some tracks, as far as their visibility needs it: at most three queries for any
 * number of tracks, one when all are public.
 */
export async function loadViewerRelations(
  tracks: readonly Track[],
  viewer: Actor | null,
): Promise<(track: Track) => ViewerRelation> {
  const others = tracks.filter(({ ownerId }) => ownerId !== viewer?.id)
  if (viewer === null || others.length === 0) return () => noRelation
  const blockers = await findBlockers(viewer.id, ownersOf(others))
  const forFollowers = ownersOf(others.filter(({ visibility }) => visibility === 'followers'))
  const follows =
    forFollowers.length === 0
      ? []
      : await Follow.findAll({ where: { followeeId: forFollowers, followerId: viewer.id } })
  const unlisted = others.filter(({ visibility }) => visibility === 'unlisted').map(({ id }) => id)
  const links =
    unlisted.length === 0 ? [] : await TrackLinkHolder.findAll({ where: { trackId: unlisted, profileId: viewer.id } })

  const followeeIds = new Set(follows.map(({ followeeId }) => followeeId))
  const linkedIds = new Set(links.map(({ trackId }) => trackId))
  return ({ id, ownerId }) => ({
    isBlocked: blockers.has(ownerId),
    isFollower: followeeIds.has(ownerId),
    isLinkHolder: linkedIds.has(id),
  })
}

const ownersOf = (tracks: readonly Track[]): string[] => [...new Set(tracks.map(({ ownerId }) => ownerId))]
