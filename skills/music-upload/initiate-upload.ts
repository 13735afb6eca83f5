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
  summary:
    'Announce a file. The answer says where to PUT it, within 30 minutes (renew the URL when it takes longer), or, above 64 MiB, into which parts to cut it.',
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
  /** `duplicateOf`: a track of yours that holds the very same file. */
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
