import { type Context } from '../../kernel/context'
import { Picture } from '../../models'
import { type Holder, show, shownOn } from './holder'
import { mayBeSeen } from './may-be-seen'
import { retire } from './retire'

/**
 * Clears the picture of a locked profile or track, and removes those being processed, which would be shown later, and
 * the recently replaced, whose files still exist. Pictures that are only initiated may still be sent.
 */
export async function takeDown(holder: Holder, context: Context): Promise<void> {
  const scope =
    'track' in holder ? { trackId: holder.track.id } : { ownerId: holder.profile.id, purpose: 'avatar' as const }
  const pictures = await Picture.findAll({
    where: { ...scope, ...mayBeSeen(['uploaded', 'ready'], context.now) },
    order: ['id'],
    lock: true,
  })
  for (const picture of pictures) await retire(picture, context)
  if (shownOn(holder) !== null) await show(holder, null, context)
}
