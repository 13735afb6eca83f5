import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { ownUpload } from './own-upload'
import { uploadView, viewUpload } from './views'

export const getUpload = operation({
  name: 'music-upload.getUpload',
  route: 'GET /uploads/:uploadId',
  summary: 'How far an upload of yours is.',
  who: 'signed-in',
  input: shape({ uploadId: id }),
  output: uploadView,
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: ({ uploadId }, context) => ownUpload(uploadId, context),

  allow: () => true,

  run: async ({ subject }) => viewUpload(subject),
})
