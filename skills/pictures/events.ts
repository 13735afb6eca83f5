import { event } from '../../kernel/event'
import { id, shape } from '../../kernel/schema'
import { addressCacheKeys, pictureView } from './views'

export const pictureChanged = event({
  name: 'pictures.pictureChanged',
  summary: 'One of your pictures changed',
  payload: shape({ ownerId: id, picture: pictureView }),
  channels: ({ ownerId }) => [`user:${ownerId}`],
  stale: ({ picture }) => addressCacheKeys(picture.id),
})
