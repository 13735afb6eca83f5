import { randomUUID } from 'node:crypto'
import { type Actor, type Identity } from './actor'
import { type Answer, type Call, execute } from './execute'
import { isOurFault, toRefusal } from './faults'
import { takeFrom } from './limits'
import { type AnyOperation } from './operation'
import { type Product } from './product'
import { type Refusal, refusals } from './refusals'
import { sessionOf } from './revocation'
import { transact } from './transact'
import { describeError } from './world/log'
import { type World } from './world'

export type Outcome = { answer: Answer } | { refusal: Refusal }

const profileIdsInMemoryMax = 50_000
/** Time to live in Redis. The profile of a subject never changes; flush Redis after restoring an older database. */
const profileIdTtlMs = 7 * 24 * 3_600_000
/** Invalid tokens per address before it is rate-limited, against guessing. */
const badTokensPerMinute = 60

const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export type Engine = ReturnType<typeof createEngine>

/** What a transport needs to serve operations: authenticates callers, runs calls and turns errors into refusals. */
export function createEngine(world: World, product: Product) {
  const profileIds = new Map<string, string>()

  async function actorOf(identity: Identity): Promise<Actor> {
    const { subject, roles, sessionId } = identity
    const id = profileIds.get(subject) ?? (await profileIdOf(identity))
    if (profileIds.size >= profileIdsInMemoryMax) profileIds.clear()
    profileIds.set(subject, id)
    return { id, roles, ...(sessionId === undefined ? {} : { sessionId }) }
  }

  /** Cached in Redis, so that a node that takes over another node's clients does not query PostgreSQL for each. */
  async function profileIdOf(identity: Identity): Promise<string> {
    const key = `profile-id:${identity.subject}`
    const cached: unknown = await world.cache.through(key, profileIdTtlMs, () => provisionProfile(identity))
    return typeof cached === 'string' && isUuid.test(cached) ? cached : provisionProfile(identity)
  }

  /** @throws `token_invalid`, `token_expired`, `auth_unavailable`; `too_many_requests` after many invalid tokens. */
  async function verify(token: string, address: string): Promise<Identity> {
    try {
      return await world.tokens.verify(token)
    } catch (error) {
      if (toRefusal(error).kind.status === 401)
        await takeFrom(world, 'bad-tokens', badTokensPerMinute, { actor: null, address })
      throw error
    }
  }

  const provisionProfile = (identity: Identity) =>
    transact({ world, product, actor: null, requestId: randomUUID() }, context => product.arrive(identity, context))

  return {
    world,
    product,

    /**
     * Authenticates a token. The first call of a subject creates its profile.
     * @throws `token_invalid`, `token_expired`, `session_revoked`, `auth_unavailable`, `too_many_requests`
     */
    async admit(token: string, address: string): Promise<{ actor: Actor; identity: Identity }> {
      const identity = await verify(token, address)
      const actor = await actorOf(identity)
      await world.revocations.refuseRevoked(sessionOf(actor, identity.issuedAt))
      return { actor, identity }
    },

    /** Runs a call and returns its outcome. A bug is logged here, once, and the caller gets an opaque `internal`. */
    async perform(door: 'rest' | 'socket', op: AnyOperation, call: Call): Promise<Outcome> {
      const endTimer = world.metrics.calls.startTimer({ operation: op.name, door })
      try {
        const answer = await execute(world, product, op, call)
        endTimer({ outcome: 'ok' })
        return { answer }
      } catch (error) {
        const refusal = this.refuse(error, call.requestId, op.name)
        endTimer({ outcome: refusal.kind.code })
        return { refusal }
      }
    },

    /** Converts any error to a refusal. Logs server errors (5xx). */
    refuse(error: unknown, requestId: string, during: string): Refusal {
      const refusal = toRefusal(error)
      if (refusal.kind === refusals.internal)
        world.log.error({ requestId, during, ...describeError(error) }, 'unexpected error')
      else if (isOurFault(refusal))
        world.log.warn({ requestId, during, ...describeError(error) }, 'dependency unavailable')
      return refusal
    },
  }
}
