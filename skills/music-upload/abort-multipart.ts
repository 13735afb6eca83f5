import { job } from '../../kernel/events/job'
import { pattern, shape, outputText } from '../../kernel/pipeline/schema'

const key = pattern(/^incoming\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 60)

/** Aborts a multipart upload in the store. Succeeds when it does not exist. */
export const abortMultipart = job({
  name: 'music-upload.abortMultipart',
  payload: shape({ key, multipartId: outputText }),
  attemptsMax: 20,

  run: ({ key, multipartId }, { app }) => app.storage.abortMultipartUpload(key, multipartId),
})
