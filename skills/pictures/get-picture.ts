import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { loadOwnPicture } from './load-own-picture'
import { pictureView, viewPicture } from './views'

export const getPicture = operation({
  name: 'pictures.getPicture',
  route: 'GET /pictures/:pictureId',
  summary: 'Get one of your pictures',
  auth: 'signed-in',
  input: shape({ pictureId: id }),
  output: pictureView,
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: ({ pictureId }, context) => loadOwnPicture(pictureId, context),

  allow: () => true,

  run: async ({ subject }) => viewPicture(subject),
})
