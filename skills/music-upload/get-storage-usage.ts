import { operation } from '../../kernel/pipeline/operation'
import { emptyObject } from '../../kernel/pipeline/schema'
import { storageUsageView, loadStorageUsage } from './storage-usage'

export const getStorageUsage = operation({
  name: 'music-upload.getStorageUsage',
  route: 'GET /me/storage',
  summary: 'Get your storage usage',
  description: 'The bytes used and reserved, and your quota.',
  auth: 'signed-in',
  input: emptyObject,
  output: storageUsageView,
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async () => undefined,

  allow: () => true,

  run: ({ actor }, context) => loadStorageUsage(actor.id, context),
})
