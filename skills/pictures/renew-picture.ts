import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { putView } from '../music-upload/views'
import { loadOwnPicture, refuseClosed } from './load-own-picture'
import { presignPicture, putExpiry } from './presign-picture'
import { pictureAborted, pictureExpired, pictureClosed } from './refusals'
import { pictureView, viewPicture } from './views'

export const renewPicture = operation({
  name: 'pictures.renewPicture',
  route: 'POST /pictures/:pictureId/renew',
  summary: 'Renew the URL of a picture upload',
  description: 'Only while the picture waits for its file.',
  auth: 'signed-in',
  input: shape({ pictureId: id }),
  output: shape({ picture: pictureView, put: putView }),
  limit: { perMinute: 30 },
  idempotency: 'natural',
  refuses: [pictureAborted, pictureExpired, pictureClosed],

  load: ({ pictureId }, context) => loadOwnPicture(pictureId, context, { lock: true }),

  allow: () => true,

  async run({ subject: picture }, context) {
    refuseClosed(picture, context.now)
    if (picture.state !== 'initiated') throw pictureClosed()
    await picture.update({ putUrlExpiresAt: putExpiry(context.now, picture.expiresAt) })
    return { picture: viewPicture(picture), put: await presignPicture(picture, context) }
  },
})
