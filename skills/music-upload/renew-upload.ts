import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { loadOwnUpload, refuseClosed } from './load-own-upload'
import { presignUpload, putExpiry } from './presign-upload'
import { uploadUsesParts, uploadAborted, uploadExpired, uploadClosed } from './refusals'
import { putView, uploadView, viewUpload } from './views'

export const renewUpload = operation({
  name: 'music-upload.renewUpload',
  route: 'POST /uploads/:uploadId/renew',
  summary: 'Renew the URL of an upload',
  description: 'Only while the upload waits for its file.',
  auth: 'signed-in',
  input: shape({ uploadId: id }),
  output: shape({ upload: uploadView, put: putView }),
  limit: { perMinute: 30 },
  idempotency: 'natural',
  refuses: [uploadUsesParts, uploadAborted, uploadExpired, uploadClosed],

  load: ({ uploadId }, context) => loadOwnUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload }, context) {
    const { now } = context
    refuseClosed(upload, now)
    if (upload.state !== 'initiated') throw uploadClosed()
    if (upload.partBytes !== null) throw uploadUsesParts()
    await upload.update({ putUrlExpiresAt: putExpiry(now, upload.expiresAt) })
    return { upload: viewUpload(upload), put: await presignUpload(upload, context) }
  },
})
