import { type Context } from '../../kernel/context'
import { Track } from '../../models'
import { followerLeft } from './events'

/**
 * Has the rights of somebody asked for again who follows an artist no longer, where that matters. Both profiles are held by
 * whoever ends a follow: a track that turns into one for followers at this moment does so before or after it, since
 * `changeTrack` waits for its artist's.
 */
export async function tellFollowerLeft(
  { artistId, followerId }: { artistId: string; followerId: string },
  { emit }: Pick<Context, 'emit'>,
): Promise<void> {
  const one = await Track.findOne({
    where: { ownerId: artistId, visibility: 'followers', removedAt: null },
    attributes: ['id'],
  })
  if (one !== null) await emit(followerLeft, { profileId: followerId, artistId })
}
