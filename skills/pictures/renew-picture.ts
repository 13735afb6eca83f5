import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { putView } from '../music-upload/views'
import { ownPicture, refuseUnwanted } from './own-picture'
import { presignFor, putExpiry } from './presign'
import { pictureAborted, pictureExpired, pictureOver } from './refusals'
import { pictureView, viewPicture } from './views'

export const renewPicture = operation({
  name: 'pictures.renewPicture',
  route: 'POST /pictures/:pictureId/renew',
  summary: 'Renew the URL of a picture upload',
  description: 'Only while the picture waits for its file.',
  who: 'signed-in',
  input: shape({ pictureId: id }),
  output: shape({ picture: pictureView, put: putView }),
  limit: { perMinute: 30 },
  idempotency: 'natural',
  refuses: [pictureAborted, pictureExpired, pictureOver],

  load: ({ pictureId }, context) => ownPicture(pictureId, context, { lock: true }),

  allow: () => true,

  async run({ subject: picture }, context) {
    refuseUnwanted(picture, context.now)
    if (picture.state !== 'initiated') throw pictureOver()
    await picture.update({ putExpiresAt: putExpiry(context.now, picture.expiresAt) })
    return { picture: viewPicture(picture), put: await presignFor(picture, context) }
  },
})
