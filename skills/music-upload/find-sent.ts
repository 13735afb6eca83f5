import { type Context } from '../../kernel/context'
import { type Upload } from '../../models'
import { type Completed, completeParts } from './complete-parts'
import { partPlan } from './part-plan'
import { incomingKey } from './places'
import { hexToBase64 } from './presign'
import { objectMismatch, objectMissing } from './refusals'

/** The file that the store holds for an upload, and the multipart upload it came from. */
export type Sent = Completed & Pick<Upload, 'multipartId'>

/**
 * Finds the file that was sent; completes its multipart upload first. Call it outside a transaction: the store may
 * take seconds.
 * @throws `object_missing`, `object_mismatch`, `unavailable`
 */
export async function findSent(upload: Upload, context: Pick<Context, 'world'>): Promise<Sent> {
  const plan = partPlan(upload)
  const { multipartId } = upload
  if (plan !== undefined) return { ...(await completeParts(upload, plan, context)), multipartId }
  return { etag: await checkPut(upload, context), leavesParts: false, multipartId }
}

/** Accept a store that returns no checksum: the worker hashes the file when it downloads it. */
async function checkPut(upload: Upload, { world }: Pick<Context, 'world'>): Promise<string> {
  const found = await world.storage.head(incomingKey(upload.id))
  if (found === undefined) throw objectMissing()
  const { sizeBytes, sha256, etag } = found
  const isSame = sha256 === undefined || upload.sha256 === null || sha256 === hexToBase64(upload.sha256)
  if (!isSame || sizeBytes !== Number(upload.sizeBytes)) throw objectMismatch()
  return etag
}
