import { loadOwnRow } from '../../kernel/pipeline/load-own-row'
import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { presignIncoming, putRequestView, urlExpiry } from '../../kernel/platform/incoming-files'
import { Picture } from '../../models'
import { refuseClosedPicture, pictureAborted, pictureExpired, pictureClosed } from './refusals'
import { picturePutLifeMs } from './rules'
import { pictureView, viewPicture } from './views'

export const renewPicture = operation({
  name: 'pictures.renewPicture',
  route: 'POST /pictures/:pictureId/renew',
  summary: 'Renew the URL of a picture upload',
  description: 'Only while the picture waits for its file.',
  auth: 'signed-in',
  input: shape({ pictureId: id }),
  output: shape({ picture: pictureView, putRequest: putRequestView }),
  limit: { perMinute: 30 },
  idempotency: 'natural',
  refuses: [pictureAborted, pictureExpired, pictureClosed],

  load: ({ pictureId }, context) => loadOwnRow(Picture, pictureId, context, { lock: true }),

  allow: () => true,

  async run({ subject: picture }, context) {
    refuseClosedPicture(picture, context.now)
    if (picture.state !== 'initiated') throw pictureClosed()
    await picture.update({ putUrlExpiresAt: urlExpiry(context.now, picturePutLifeMs, picture.expiresAt) })
    return { picture: viewPicture(picture), putRequest: await presignIncoming(picture, context) }
  },
})
