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
  summary: 'Abort a picture upload',
  description: 'Works until the picture is shown, also while it is being processed. The picture shown before stays.',
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
    // A worker that stores files concurrently deletes them when it finds this state.
    await picture.update({ state: advance(picture.state, 'aborted') })
    const view = viewPicture(picture)
    await context.emit(pictureChanged, { ownerId: picture.ownerId, picture: view })
    await forgetIncoming(picture, context)
    return view
  },
})
