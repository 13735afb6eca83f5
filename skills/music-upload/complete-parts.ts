import { type Context } from '../../kernel/context'
import { type StoredPart } from '../../kernel/world/storage-parts'
import { type Upload } from '../../models'
import { type PartPlan } from './part-plan'
import { incomingKey } from './places'
import { objectMismatch, objectMissing } from './refusals'

/** For all that is asked of the store: the database ends a transaction that is idle for 5 s. */
const completeTimeoutMs = 4_000
const namedMax = 20

/**
 * Makes one object of the parts and answers its ETag; no URL of a part can change it after that. Under the upload's lock. When
 * an earlier try got through to the store and no further, the object is there already.
 * @throws `object_missing` that names the parts, `object_mismatch`, `unavailable` while the store is still at it.
 */
export async function completeParts(
  { id, multipartId, sizeBytes }: Upload,
  plan: PartPlan,
  { world }: Pick<Context, 'world'>,
): Promise<string> {
  if (multipartId === null) throw missing(plan, [])
  const key = incomingKey(id)
  const signal = AbortSignal.timeout(completeTimeoutMs)
  const parts = await world.storage.listParts(key, multipartId, signal)
  if (parts !== undefined) {
    if (numbersMissing(plan, parts).length > 0) throw missing(plan, parts)
    const whole = { parts, sizeBytes: Number(sizeBytes), signal }
    const etag = await world.storage.completeParts(key, multipartId, whole)
    if (etag !== undefined) return etag
  }
  const found = await world.storage.head(key)
  if (found === undefined) throw missing(plan, [])
  if (found.sizeBytes !== Number(sizeBytes) || !found.etag.endsWith(`-${plan.count}"`)) throw objectMismatch()
  return found.etag
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
