import { event } from '../../kernel/event'
import { id, shape } from '../../kernel/schema'
import { addressCacheKeys, pictureView } from './views'

export const pictureChanged = event({
  name: 'pictures.pictureChanged',
  summary: 'A picture of yours was announced, got further, or ended.',
  payload: shape({ ownerId: id, picture: pictureView }),
  channels: ({ ownerId }) => [`user:${ownerId}`],
  stale: ({ picture }) => addressCacheKeys(picture.id),
})
