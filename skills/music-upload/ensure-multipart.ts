import { type Context } from '../../kernel/pipeline/context'
import { type Upload } from '../../models'
import { incomingKey } from '../../kernel/platform/incoming-files'
import { uploadClosed } from './refusals'

/** The id of the multipart upload, and the id stored before: equal unless one was opened by this call. */
export interface OpenedMultipart {
  previousId: string | null
  multipartId: string
}

/**
 * Cache that a multipart upload is open: checking costs 2 ms of CPU, twice as much as a signature, and clients sign
 * many parts.
 */
const knownOpenMs = 10_000

/**
 * Opens the multipart upload of a file when its first part is signed, so that an upload without parts leaves nothing
 * behind, and again when the store has aborted it (by a lifecycle rule, or by hand). After that, URLs of a dead
 * multipart upload are signed for at most `knownOpenMs`. Call it outside a transaction.
 * @throws `upload_closed` when the object is complete already: an interrupted finalize has made it
 */
export async function ensureMultipart(
  { id, contentType, multipartId: before }: Upload,
  { app: { storage, cache } }: Pick<Context, 'app'>,
): Promise<OpenedMultipart> {
  const key = incomingKey(id)
  if (before !== null) {
    const ask = async () => ((await storage.isMultipartUploadOpen(key, before)) ? true : undefined)
    if (await cache.getOrLoad(`multipart:${before}`, knownOpenMs, ask))
      return { previousId: before, multipartId: before }
    if ((await storage.head(key)) !== undefined) throw uploadClosed('All parts have been sent: finalize the upload.')
  }
  return { previousId: before, multipartId: await storage.createMultipartUpload(key, contentType) }
}
