import { type Context } from '../../kernel/pipeline/context'
import { type StoredPart } from '../../kernel/platform/storage-multipart'
import { type Upload } from '../../models'
import { type PartPlan } from './part-plan'
import { fileMismatch, fileMissing, incomingKey } from '../../kernel/platform/incoming-files'

/** Time limit for listing and completing together: a client waits for the answer and can retry. */
const completeTimeoutMs = 4_000
const missingPartsListedMax = 20

export interface CompletedMultipart {
  etag: string
  /** The store still holds parts of an earlier multipart upload of the same file. */
  hasLeftoverParts: boolean
}

/**
 * Completes the multipart upload and returns the ETag of the object; part URLs cannot change it afterwards. Safe to
 * run concurrently: the store makes one object. When an earlier attempt completed the upload in the store but failed
 * after that, the object is found and accepted.
 * @throws `file_missing` naming the parts, `file_mismatch`, `unavailable` while the store is still completing it
 */
export async function completeMultipart(
  { id, multipartId, sizeBytes }: Upload,
  plan: PartPlan,
  { app }: Pick<Context, 'app'>,
): Promise<CompletedMultipart> {
  if (multipartId === null) throw missing(plan, [])
  const key = incomingKey(id)
  const signal = AbortSignal.timeout(completeTimeoutMs)
  const parts = await app.storage.listParts(key, multipartId, signal)
  if (parts !== undefined && numbersMissing(plan, parts).length === 0) {
    const whole = { parts, sizeBytes: Number(sizeBytes), signal }
    const etag = await app.storage.completeMultipartUpload(key, multipartId, whole)
    if (etag !== undefined) return { etag, hasLeftoverParts: false }
  }
  // Also check after a second multipart upload was opened: the client that opened it may have raced with the one that
  // completed the first.
  const found = await app.storage.head(key)
  const isWhole = found?.sizeBytes === Number(sizeBytes) && found.etag.endsWith(`-${plan.count}"`)
  if (found !== undefined && isWhole) return { etag: found.etag, hasLeftoverParts: parts !== undefined }
  throw found === undefined || parts !== undefined ? missing(plan, parts ?? []) : fileMismatch()
}

function numbersMissing({ count, bytesOfPart }: PartPlan, parts: readonly StoredPart[]): number[] {
  const received = new Set(parts.flatMap(({ number, sizeBytes }) => (sizeBytes === bytesOfPart(number) ? number : [])))
  return Array.from({ length: count }, (_, index) => index + 1).filter(number => !received.has(number))
}

function missing(plan: PartPlan, parts: readonly StoredPart[]) {
  const numbers = numbersMissing(plan, parts)
  const errors = numbers.slice(0, missingPartsListedMax).map(number => ({
    ...{ path: `parts.${number}`, code: 'missing' },
    message: `part ${number} is missing`,
  }))
  return fileMissing(`${numbers.length} of ${plan.count} parts are missing.`, { errors })
}
