import { operation } from '../../kernel/operation'
import { id, named, optional, shape } from '../../kernel/schema'
import { ownUpload } from './own-upload'
import { partPlan } from './part-plan'
import { sentParts } from './sent-parts'
import { partsSentView, uploadFields, viewUpload } from './views'

export const getUpload = operation({
  name: 'music-upload.getUpload',
  route: 'GET /uploads/:uploadId',
  summary: 'Get one of your uploads',
  description: 'While it waits for its parts, the answer also lists the parts that the store has.',
  who: 'signed-in',
  input: shape({ uploadId: id }),
  output: named('UploadInParts', shape({ ...uploadFields, parts: optional(partsSentView) })),
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: ({ uploadId }, context) => ownUpload(uploadId, context),

  allow: () => true,

  async run({ subject: upload }, context) {
    const plan = upload.state === 'initiated' ? partPlan(upload) : undefined
    const view = viewUpload(upload)
    return plan === undefined ? view : { ...view, parts: await sentParts(upload, plan, context) }
  },
})
