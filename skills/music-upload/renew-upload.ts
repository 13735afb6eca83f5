import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { ownUpload, refuseUnwanted } from './own-upload'
import { presignFor, putExpiry } from './presign'
import { sentInParts, uploadAborted, uploadExpired, uploadOver } from './refusals'
import { putView, uploadView, viewUpload } from './views'

export const renewUpload = operation({
  name: 'music-upload.renewUpload',
  route: 'POST /uploads/:uploadId/renew',
  summary: 'Renew the URL of an upload',
  description: 'Only while the upload waits for its file.',
  who: 'signed-in',
  input: shape({ uploadId: id }),
  output: shape({ upload: uploadView, put: putView }),
  limit: { perMinute: 30 },
  idempotency: 'natural',
  refuses: [sentInParts, uploadAborted, uploadExpired, uploadOver],

  load: ({ uploadId }, context) => ownUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload }, context) {
    const { now } = context
    refuseUnwanted(upload, now)
    if (upload.state !== 'initiated') throw uploadOver()
    if (upload.partBytes !== null) throw sentInParts()
    await upload.update({ putExpiresAt: putExpiry(now, upload.expiresAt) })
    return { upload: viewUpload(upload), put: await presignFor(upload, context) }
  },
})
