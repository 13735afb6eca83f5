import { reaction } from '../../kernel/event'
import { Picture } from '../../models'
import { trackRemoved } from '../music-upload/events'
import { mayBeSeen } from './may-be-seen'
import { retire } from './retire'

/** The emitter holds the lock of the track. */
export const onTrackRemoved = reaction({
  to: trackRemoved,
  because: 'deleting a track removes its artwork, also one that is being sent or processed',
  async react({ trackId }, context) {
    const pictures = await Picture.findAll({
      where: { trackId, ...mayBeSeen(['initiated', 'uploaded', 'ready'], context.now) },
      order: ['id'],
      lock: true,
    })
    for (const picture of pictures) await retire(picture, context)
  },
})
