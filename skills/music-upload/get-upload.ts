import { loadOwnRow } from '../../kernel/pipeline/load-own-row'
import { operation } from '../../kernel/pipeline/operation'
import { id, named, optional, shape } from '../../kernel/pipeline/schema'
import { Upload } from '../../models'
import { partPlan } from './part-plan'
import { listSentParts } from './list-sent-parts'
import { partsSentView, uploadFields, viewUpload } from './views'

export const getUpload = operation({
  name: 'music-upload.getUpload',
  route: 'GET /uploads/:uploadId',
  summary: 'Get one of your uploads',
  description: 'While it waits for its parts, the answer also lists the parts that the store has.',
  auth: 'signed-in',
  input: shape({ uploadId: id }),
  output: named('UploadInParts', shape({ ...uploadFields, parts: optional(partsSentView) })),
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: ({ uploadId }, context) => loadOwnRow(Upload, uploadId, context),

  allow: () => true,

  async run({ subject: upload }, context) {
    const plan = upload.state === 'initiated' ? partPlan(upload) : undefined
    const view = viewUpload(upload)
    return plan === undefined ? view : { ...view, parts: await listSentParts(upload, plan, context) }
  },
})
