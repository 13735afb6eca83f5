import { job } from '../../kernel/job'
import { pattern, shape, written } from '../../kernel/schema'

const key = pattern(/^incoming\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 60)

/** Aborts a multipart upload in the store. Succeeds when it does not exist. */
export const dropParts = job({
  name: 'music-upload.dropParts',
  payload: shape({ key, multipartId: written }),
  attemptsMax: 20,

  run: ({ key, multipartId }, { world }) => world.storage.dropParts(key, multipartId),
})
