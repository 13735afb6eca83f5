import { type Context } from '../../kernel/pipeline/context'
import { Picture } from '../../models'
import { type PictureTarget, showPicture, shownPictureId } from './picture-target'
import { stillServed } from './still-served'
import { endPicture } from './end-picture'

/**
 * Clears the picture of a locked profile or track, and removes those being processed, which would be shown later, and
 * the recently replaced, whose files still exist. Pictures that are only initiated may still be sent.
 */
export async function clearPictures(target: PictureTarget, context: Context): Promise<void> {
  const scope =
    'track' in target ? { trackId: target.track.id } : { ownerId: target.profile.id, purpose: 'avatar' as const }
  const pictures = await Picture.findAll({
    where: { ...scope, ...stillServed(['uploaded', 'ready'], context.now) },
    order: ['id'],
    lock: true,
  })
  for (const picture of pictures) await endPicture(picture, context)
  if (shownPictureId(target) !== null) await showPicture(target, null, context)
}
