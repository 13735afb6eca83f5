import { reaction } from '../../kernel/event'
import { Picture } from '../../models'
import { trackRemoved } from '../music-upload/events'
import { mayBeSeen } from './may-be-seen'
import { retire } from './retire'

/** The track is locked by whoever removes it. */
export const onTrackRemoved = reaction({
  to: trackRemoved,
  because: 'with a track its artwork goes, also what is still being sent or drawn',
  async react({ trackId }, context) {
    const pictures = await Picture.findAll({
      where: { trackId, ...mayBeSeen(['initiated', 'uploaded', 'ready'], context.now) },
      order: ['id'],
      lock: true,
    })
    for (const picture of pictures) await retire(picture, context)
  },
})
