import { loadOwnRow } from '../../kernel/pipeline/load-own-row'
import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { presignIncoming, putRequestView, urlExpiry } from '../../kernel/platform/incoming-files'
import { Upload } from '../../models'
import { refuseClosedUpload, uploadUsesParts, uploadAborted, uploadExpired, uploadClosed } from './refusals'
import { putLifeMs } from './rules'
import { uploadView, viewUpload } from './views'

export const renewUpload = operation({
  name: 'music-upload.renewUpload',
  route: 'POST /uploads/:uploadId/renew',
  summary: 'Renew the URL of an upload',
  description: 'Only while the upload waits for its file.',
  auth: 'signed-in',
  input: shape({ uploadId: id }),
  output: shape({ upload: uploadView, putRequest: putRequestView }),
  limit: { perMinute: 30 },
  idempotency: 'natural',
  refuses: [uploadUsesParts, uploadAborted, uploadExpired, uploadClosed],

  load: ({ uploadId }, context) => loadOwnRow(Upload, uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload }, context) {
    const { now } = context
    refuseClosedUpload(upload, now)
    if (upload.state !== 'initiated') throw uploadClosed()
    if (upload.partBytes !== null) throw uploadUsesParts()
    await upload.update({ putUrlExpiresAt: urlExpiry(now, putLifeMs, upload.expiresAt) })
    return { upload: viewUpload(upload), putRequest: await presignIncoming(upload, context) }
  },
})
