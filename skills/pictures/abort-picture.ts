import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { pictureChanged } from './events'
import { ownPicture } from './own-picture'
import { advance } from './picture-state'
import { forgetIncoming } from './places'
import { pictureOver } from './refusals'
import { pictureView, viewPicture } from './views'

export const abortPicture = operation({
  name: 'pictures.abortPicture',
  route: 'DELETE /pictures/:pictureId',
  summary:
    'Give a picture up that is not shown yet, also while it is worked on: what was shown before stays. Doing so again changes nothing.',
  who: 'signed-in',
  input: shape({ pictureId: id }),
  output: pictureView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [pictureOver],

  load: ({ pictureId }, context) => ownPicture(pictureId, context, { lock: true }),

  allow: () => true,

  async run({ subject: picture }, context) {
    if (picture.state === 'aborted') return viewPicture(picture)
    if (picture.state !== 'initiated' && picture.state !== 'uploaded') throw pictureOver()
    // What a worker may be storing meanwhile, it removes itself when it finds this.
    await picture.update({ state: advance(picture.state, 'aborted') })
    const view = viewPicture(picture)
    await context.emit(pictureChanged, { ownerId: picture.ownerId, picture: view })
    await forgetIncoming(picture, context)
    return view
  },
})
