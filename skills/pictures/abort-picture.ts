import { loadOwnRow } from '../../kernel/pipeline/load-own-row'
import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { deleteIncoming } from '../../kernel/platform/delete-objects'
import { Picture } from '../../models'
import { pictureChanged } from './events'
import { transition } from './picture-state'
import { pictureClosed } from './refusals'
import { pictureView, viewPicture } from './views'

export const abortPicture = operation({
  name: 'pictures.abortPicture',
  route: 'DELETE /pictures/:pictureId',
  summary: 'Abort a picture upload',
  description: 'Works until the picture is shown, also while it is being processed. The picture shown before stays.',
  auth: 'signed-in',
  input: shape({ pictureId: id }),
  output: pictureView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [pictureClosed],

  load: ({ pictureId }, context) => loadOwnRow(Picture, pictureId, context, { lock: true }),

  allow: () => true,

  async run({ subject: picture }, context) {
    if (picture.state === 'aborted') return viewPicture(picture)
    if (picture.state !== 'initiated' && picture.state !== 'uploaded') throw pictureClosed()
    // A worker that stores files concurrently deletes them when it finds this state.
    await picture.update({ state: transition(picture.state, 'aborted') })
    const view = viewPicture(picture)
    await context.emit(pictureChanged, { ownerId: picture.ownerId, picture: view })
    await deleteIncoming(picture, context)
    return view
  },
})
