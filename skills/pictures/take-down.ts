import { type Context } from '../../kernel/context'
import { Picture } from '../../models'
import { type Holder, show, shownOn } from './holder'
import { mayBeSeen } from './may-be-seen'
import { retire } from './retire'

/**
 * Nothing is shown on a locked profile or track any more, and nothing of what was sent until now will be: a picture that
 * is worked on would come back otherwise, and one that was replaced lately is still there. What is only announced may
 * still be sent.
 */
export async function takeDown(holder: Holder, context: Context): Promise<void> {
  const place =
    'track' in holder ? { trackId: holder.track.id } : { ownerId: holder.profile.id, purpose: 'avatar' as const }
  const pictures = await Picture.findAll({
    where: { ...place, ...mayBeSeen(['uploaded', 'ready'], context.now) },
    order: ['id'],
    lock: true,
  })
  for (const picture of pictures) await retire(picture, context)
  if (shownOn(holder) !== null) await show(holder, null, context)
}
