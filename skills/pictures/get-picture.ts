import { loadOwnRow } from '../../kernel/pipeline/load-own-row'
import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { Picture } from '../../models'
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

  load: ({ pictureId }, context) => loadOwnRow(Picture, pictureId, context),

  allow: () => true,

  run: async ({ subject }) => viewPicture(subject),
})
