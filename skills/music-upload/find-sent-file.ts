import { type Context } from '../../kernel/pipeline/context'
import { type Upload } from '../../models'
import { type CompletedMultipart, completeMultipart } from './complete-parts'
import { partPlan } from './part-plan'
import { incomingKey } from './object-keys'
import { hexToBase64 } from './presign-upload'
import { fileMismatch, fileMissing } from './refusals'

/** The file that the store holds for an upload, and the multipart upload it came from. */
export type SentFile = CompletedMultipart & Pick<Upload, 'multipartId'>

/**
 * Finds the file that was sent; completes its multipart upload first. Call it outside a transaction: the store may
 * take seconds.
 * @throws `file_missing`, `file_mismatch`, `unavailable`
 */
export async function findSentFile(upload: Upload, context: Pick<Context, 'app'>): Promise<SentFile> {
  const plan = partPlan(upload)
  const { multipartId } = upload
  if (plan !== undefined) return { ...(await completeMultipart(upload, plan, context)), multipartId }
  return { etag: await checkPut(upload, context), hasLeftoverParts: false, multipartId }
}

/** Accept a store that returns no checksum: the worker hashes the file when it downloads it. */
async function checkPut(upload: Upload, { app }: Pick<Context, 'app'>): Promise<string> {
  const found = await app.storage.head(incomingKey(upload.id))
  if (found === undefined) throw fileMissing()
  const { sizeBytes, sha256, etag } = found
  const isSame = sha256 === undefined || upload.sha256 === null || sha256 === hexToBase64(upload.sha256)
  if (!isSame || sizeBytes !== Number(upload.sizeBytes)) throw fileMismatch()
  return etag
}
