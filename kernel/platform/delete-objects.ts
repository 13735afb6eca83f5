import { type Context } from '../pipeline/context'
import { job } from '../events/job'
import { list, outputText, pattern, shape } from '../pipeline/schema'
import { uuidPattern as uuid } from '../pipeline/uuid'
import { incomingKey } from './incoming-files'

/** At least one whole id: a shorter prefix would empty the bucket. */
const prefix = pattern(new RegExp(`^(incoming/${uuid}|audio/${uuid}(/${uuid})?|pictures/${uuid})/?$`), 100)

/** Deletes objects from the bucket. Succeeds when they do not exist. */
export const deleteObjects = job({
  name: 'kernel.deleteObjects',
  payload: shape({ prefixes: list(prefix, 100) }),
  attemptsMax: 20,

  async run({ prefixes }, { app }) {
    for (const prefix of prefixes) await app.storage.deletePrefix(prefix)
  },
})

/** Aborts a multipart upload in the store. Succeeds when it does not exist. */
export const abortMultipart = job({
  name: 'kernel.abortMultipart',
  payload: shape({ key: pattern(new RegExp(`^incoming/${uuid}$`), 60), multipartId: outputText }),
  attemptsMax: 20,

  run: ({ key, multipartId }, { app }) => app.storage.abortMultipartUpload(key, multipartId),
})

/**
 * Time for the store to finish CompleteMultipartUpload: it may take minutes, and the file may be aborted meanwhile.
 */
const completingMsMax = 10 * 60_000

/**
 * Deletes a sent file now, and again when its last presigned URL has expired, since the client can send the file or a
 * part again until then. A completion may be running, so the object may still appear.
 */
export async function deleteIncoming(
  { id, putUrlExpiresAt, etag, multipartId = null }: SentFile,
  { enqueue, now }: Pick<Context, 'enqueue' | 'now'>,
): Promise<void> {
  const key = incomingKey(id)
  // Once completed, a multipart upload no longer exists.
  const parts = etag === null ? multipartId : null
  const lastChangeAt = Math.max(putUrlExpiresAt.getTime(), parts === null ? 0 : now.getTime() + completingMsMax)
  const times = [{}, ...(lastChangeAt > now.getTime() ? [{ runAt: new Date(lastChangeAt) }] : [])]
  for (const when of times) {
    await enqueue(deleteObjects, { prefixes: [key] }, when)
    if (parts !== null) await enqueue(abortMultipart, { key, multipartId: parts }, when)
  }
}

interface SentFile {
  id: string
  putUrlExpiresAt: Date
  etag: string | null
  /** Of a file sent in parts. */
  multipartId?: string | null
}
