import { createHash } from 'node:crypto'
import { type Actor } from './actor'
import { type Answer } from './call'
import { invalidField, refusals } from './refusals'
import { type AppContext } from '../platform/app-context'

export const idempotencyKeyLengthMax = 255
/** How long an answer is stored for replay. */
export const idempotencyKeyTtlHours = 24

/**
 * Validates an Idempotency-Key as the client sent it.
 * @throws `invalid_input`
 */
export function parseIdempotencyKey(raw: unknown): string | undefined {
  if (raw === undefined) return undefined
  const isText = typeof raw === 'string' && raw.length >= 1 && raw.length <= idempotencyKeyLengthMax
  if (isText && !raw.includes('\u0000')) return raw
  const message = `The Idempotency-Key must be 1 to ${idempotencyKeyLengthMax} characters`
  throw invalidField('key', 'invalid_idempotency_key', message)
}

interface Claim {
  actor: Actor
  operation: string
  key: string
  input: unknown
  now: Date
}

/**
 * Runs `perform` once per key, inside the caller's transaction. A concurrent duplicate blocks at the insert, on the unique
 * index, until the first transaction ends. A refusal rolls the insert back, so that the key can be used again.
 * @throws `idempotency_key_reused` when the key was used with different input.
 */
export async function runOnce(app: AppContext, claim: Claim, perform: () => Promise<Answer>): Promise<Answer> {
  const { actor, operation, key } = claim
  const inputDigest = createHash('sha256').update(canonical(claim.input)).digest('hex')
  const names = { actor: actor.id, operation, key, inputDigest, now: claim.now }
  const claimed = await app.db.query<{ key: string }>(
    `insert into idempotency_keys (actor_id, operation, key, input_digest, created_at)
     values (:actor, :operation, :key, :inputDigest, :now) on conflict do nothing returning key`,
    names,
  )
  if (claimed.length === 0) return earlierAnswer(app, names)
  const answer = await perform()
  await app.db.query(
    'update idempotency_keys set answer = :answer where actor_id = :actor and operation = :operation and key = :key',
    { ...names, answer: JSON.stringify(answer) },
  )
  return answer
}

async function earlierAnswer(app: AppContext, names: Record<string, unknown>): Promise<Answer> {
  const [earlier] = await app.db.query<{ inputDigest: string; answer: Answer }>(
    'select input_digest as "inputDigest", answer from idempotency_keys where actor_id = :actor and operation = :operation and key = :key',
    names,
  )
  if (earlier === undefined) throw refusals.conflict('The first call with this key was rolled back: retry.')
  if (earlier.inputDigest !== names.inputDigest) throw refusals.idempotencyKeyReused()
  return { ...earlier.answer, replayed: true }
}

/** JSON with sorted keys, so that the digest does not depend on the order of properties. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
