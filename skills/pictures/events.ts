import { event } from '../../kernel/events/event'
import { id, shape } from '../../kernel/pipeline/schema'
import { fileUrlCacheKeys, pictureView } from './views'

export const pictureChanged = event({
  name: 'pictures.pictureChanged',
  summary: 'One of your pictures changed',
  payload: shape({ ownerId: id, picture: pictureView }),
  channels: ({ ownerId }) => [`user:${ownerId}`],
  staleKeys: ({ picture }) => fileUrlCacheKeys(picture.id),
})
