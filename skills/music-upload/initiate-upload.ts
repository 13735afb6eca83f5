import { operation } from '../../kernel/operation'
import { id, nullable, optional, shape } from '../../kernel/schema'
import { announceUpload, pendingUploads, fileFields } from './announce-upload'
import { trackWords } from './fields'
import { quotaExceeded, tooManyUploads } from './refusals'
import { releaseInstant } from './release-instant'
import { sendingFields, uploadView, viewUpload } from './views'

export const initiateUpload = operation({
  name: 'music-upload.initiateUpload',
  route: 'POST /uploads',
  summary: 'Start an upload',
  description:
    'The answer has the URL to PUT the file to, valid for 30 minutes and renewable, or, above 64 MiB, the sizes of ' +
    'its parts.',
  who: 'signed-in',
  input: shape({
    ...fileFields,
    title: optional(trackWords.title),
    description: optional(trackWords.description),
    genre: optional(trackWords.genre),
    visibility: optional(trackWords.visibility),
    releaseAt: optional(trackWords.releaseAt),
    isDownloadable: optional(trackWords.isDownloadable),
  }),
  /** `duplicateOf`: one of your tracks with a byte-identical file. */
  output: shape({ upload: uploadView, ...sendingFields, duplicateOf: nullable(id) }),
  limit: { perMinute: 30 },
  idempotency: 'keyed',
  status: 201,
  refuses: [tooManyUploads, quotaExceeded],

  load: async (_input, context) => ({ pending: await pendingUploads(context) }),

  allow: () => true,

  async run({ input, subject: { pending } }, context) {
    const releaseAt = releaseInstant(input.releaseAt, context.now) ?? null
    const { upload, put, parts } = await announceUpload({ ...input, releaseAt }, pending, context)
    return { upload: viewUpload(upload), put, parts, duplicateOf: upload.duplicateOf }
  },
})
