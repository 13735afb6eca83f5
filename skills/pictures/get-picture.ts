import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { ownPicture } from './own-picture'
import { pictureView, viewPicture } from './views'

export const getPicture = operation({
  name: 'pictures.getPicture',
  route: 'GET /pictures/:pictureId',
  summary: 'Get one of your pictures',
  who: 'signed-in',
  input: shape({ pictureId: id }),
  output: pictureView,
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: ({ pictureId }, context) => ownPicture(pictureId, context),

  allow: () => true,

  run: async ({ subject }) => viewPicture(subject),
})
