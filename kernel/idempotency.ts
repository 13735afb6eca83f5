import { createHash } from 'node:crypto'
import { type Actor } from './actor'
import { type Answer } from './execute'
import { refusals } from './refusals'
import { type World } from './world'

export const keyLengthMax = 255
/** How long an answer is remembered. */
export const keysKeptHours = 24

/**
 * The key as a door was given it.
 * @throws `invalid_input`
 */
export function readKey(given: unknown): string | undefined {
  if (given === undefined) return undefined
  const isText = typeof given === 'string' && given.length >= 1 && given.length <= keyLengthMax
  if (isText && !given.includes('\u0000')) return given
  const message = `an Idempotency-Key is text of 1 to ${keyLengthMax} characters`
  throw refusals.invalidInput(undefined, { errors: [{ path: 'key', code: 'not_a_key', message }] })
}

interface Claim {
  actor: Actor
  operation: string
  key: string
  input: unknown
  now: Date
}

/**
 * Runs `perform` once per key, inside its own transaction. A second copy waits at the insert until the first has
 * committed: that wait is the whole lock. A refusal rolls the claim back, so that it can be tried again.
 * @throws `idempotency_key_reused` when the key came with another input before.
 */
export async function once(world: World, claim: Claim, perform: () => Promise<Answer>): Promise<Answer> {
  const { actor, operation, key } = claim
  const digest = createHash('sha256').update(canonical(claim.input)).digest('hex')
  const names = { actor: actor.id, operation, key, digest, now: claim.now }
  const claimed = await world.db.query<{ key: string }>(
    `insert into idempotency_keys (actor_id, operation, key, digest, created_at)
     values (:actor, :operation, :key, :digest, :now) on conflict do nothing returning key`,
    names,
  )
  if (claimed.length === 0) return earlierAnswer(world, names)
  const answer = await perform()
  await world.db.query(
    'update idempotency_keys set answer = :answer where actor_id = :actor and operation = :operation and key = :key',
    { ...names, answer: JSON.stringify(answer) },
  )
  return answer
}

async function earlierAnswer(world: World, names: Record<string, unknown>): Promise<Answer> {
  const [earlier] = await world.db.query<{ digest: string; answer: Answer }>(
    'select digest, answer from idempotency_keys where actor_id = :actor and operation = :operation and key = :key',
    names,
  )
  if (earlier === undefined) throw refusals.conflict('A call with this key was withdrawn meanwhile: send it again.')
  if (earlier.digest !== names.digest) throw refusals.keyReused()
  return { ...earlier.answer, replayed: true }
}

/** JSON with sorted keys: the same input has the same digest, however it was written. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
