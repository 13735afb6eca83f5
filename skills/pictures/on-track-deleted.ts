import { reaction } from '../../kernel/events/reaction'
import { Picture } from '../../models'
import { trackDeleted } from '../tracks/events'
import { stillServed } from './still-served'
import { endPicture } from './end-picture'

/** The emitter holds the lock of the track. */
export const onTrackDeleted = reaction({
  to: trackDeleted,
  because: 'deleting a track removes its artwork, also one that is being sent or processed',
  async react({ trackId }, context) {
    const pictures = await Picture.findAll({
      where: { trackId, ...stillServed(['initiated', 'uploaded', 'ready'], context.now) },
      order: ['id'],
      lock: true,
    })
    for (const picture of pictures) await endPicture(picture, context)
  },
})
