import { type Context } from '../../kernel/pipeline/context'
import { Track } from '../../models'
import { followerAccessRevoked } from './events'

/**
 * Triggers the access re-check of a person who unfollows an artist with followers-only tracks. Ending a follow locks
 * both profiles, and `updateTrack` locks the artist's before it makes a track followers-only: one of them sees the
 * other's change.
 */
export async function revokeFollowerAccess(
  { artistId, followerId }: { artistId: string; followerId: string },
  { emit }: Pick<Context, 'emit'>,
): Promise<void> {
  const followersOnly = await Track.findOne({
    where: { ownerId: artistId, visibility: 'followers', deletedAt: null },
    attributes: ['id'],
  })
  if (followersOnly !== null) await emit(followerAccessRevoked, { profileId: followerId, artistId })
}
