import { type Context } from '../../kernel/context'
import { type StoredPart } from '../../kernel/world/storage-parts'
import { type Upload } from '../../models'
import { type PartPlan } from './part-plan'
import { incomingKey } from './places'
import { objectMismatch, objectMissing } from './refusals'

/** For listing and completing: somebody waits, and may ask again. */
const completeTimeoutMs = 4_000
const namedMax = 20

export interface Completed {
  etag: string
  /** Parts of another try at sending the same file wait in the store still. */
  leavesParts: boolean
}

/**
 * Makes one object of the parts and answers its ETag; no URL of a part can change it after that. Any number may do so at once:
 * the store makes one object. When an earlier try got through to the store and no further, the object is there already.
 * @throws `object_missing` that names the parts, `object_mismatch`, `unavailable` while the store is still at it.
 */
export async function completeParts(
  { id, multipartId, sizeBytes }: Upload,
  plan: PartPlan,
  { world }: Pick<Context, 'world'>,
): Promise<Completed> {
  if (multipartId === null) throw missing(plan, [])
  const key = incomingKey(id)
  const signal = AbortSignal.timeout(completeTimeoutMs)
  const parts = await world.storage.listParts(key, multipartId, signal)
  if (parts !== undefined && numbersMissing(plan, parts).length === 0) {
    const whole = { parts, sizeBytes: Number(sizeBytes), signal }
    const etag = await world.storage.completeParts(key, multipartId, whole)
    if (etag !== undefined) return { etag, leavesParts: false }
  }
  // Also of a sending that was begun anew: whoever did so may have been just as late as the one who made the object.
  const found = await world.storage.head(key)
  const isWhole = found?.sizeBytes === Number(sizeBytes) && found.etag.endsWith(`-${plan.count}"`)
  if (found !== undefined && isWhole) return { etag: found.etag, leavesParts: parts !== undefined }
  throw found === undefined || parts !== undefined ? missing(plan, parts ?? []) : objectMismatch()
}

function numbersMissing({ count, bytesOf }: PartPlan, parts: readonly StoredPart[]): number[] {
  const there = new Set(parts.flatMap(({ number, sizeBytes }) => (sizeBytes === bytesOf(number) ? number : [])))
  return Array.from({ length: count }, (_, index) => index + 1).filter(number => !there.has(number))
}

function missing(plan: PartPlan, parts: readonly StoredPart[]) {
  const numbers = numbersMissing(plan, parts)
  const errors = numbers.slice(0, namedMax).map(number => ({
    ...{ path: `parts.${number}`, code: 'missing' },
    message: `part ${number} has not been sent`,
  }))
  return objectMissing(`${numbers.length} of ${plan.count} parts have not been sent.`, { errors })
}
