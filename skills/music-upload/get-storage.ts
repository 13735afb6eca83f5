import { operation } from '../../kernel/operation'
import { nothing } from '../../kernel/schema'
import { storageUse, storageUseOf } from './storage-use'

export const getStorage = operation({
  name: 'music-upload.getStorage',
  route: 'GET /me/storage',
  summary: 'Get your storage usage',
  description: 'The bytes used and reserved, and your quota.',
  who: 'signed-in',
  input: nothing,
  output: storageUse,
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async () => undefined,

  allow: () => true,

  run: ({ actor }, context) => storageUseOf(actor.id, context),
})
