import { operation } from '../../kernel/pipeline/operation'
import { id, nullable, optional, shape } from '../../kernel/pipeline/schema'
import { createUpload, lockPendingUploads, fileFields } from './create-upload'
import { quotaExceeded, tooManyUploads } from './refusals'
import { parseReleaseAt } from '../tracks/rules'
import { trackInputFields } from '../tracks/views'
import { sendingFields, uploadView, viewUpload } from './views'

export const initiateUpload = operation({
  name: 'music-upload.initiateUpload',
  route: 'POST /uploads',
  summary: 'Start an upload',
  description:
    'The answer has the URL to PUT the file to, valid for 30 minutes and renewable, or, above 64 MiB, the sizes of ' +
    'its parts.',
  auth: 'signed-in',
  input: shape({
    ...fileFields,
    title: optional(trackInputFields.title),
    description: optional(trackInputFields.description),
    genre: optional(trackInputFields.genre),
    visibility: optional(trackInputFields.visibility),
    releaseAt: optional(trackInputFields.releaseAt),
    isDownloadable: optional(trackInputFields.isDownloadable),
  }),
  /** `duplicateOf`: one of your tracks with a byte-identical file. */
  output: shape({ upload: uploadView, ...sendingFields, duplicateOf: nullable(id) }),
  limit: { perMinute: 30 },
  idempotency: 'keyed',
  status: 201,
  refuses: [tooManyUploads, quotaExceeded],

  load: async (_input, context) => ({ pending: await lockPendingUploads(context) }),

  allow: () => true,

  async run({ input, subject: { pending } }, context) {
    const releaseAt = parseReleaseAt(input.releaseAt, context.now) ?? null
    const { upload, putRequest, parts } = await createUpload({ ...input, releaseAt }, pending, context)
    return { upload: viewUpload(upload), putRequest, parts, duplicateOf: upload.duplicateOf }
  },
})
