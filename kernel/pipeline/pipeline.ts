import { randomUUID } from 'node:crypto'
import { type Actor, type Identity } from './actor'
import { execute } from './execute'
import { type Answer, type Call } from './call'
import { isServerError, toRefusal } from './errors'
import { consumeLimit } from './limits'
import { type AnyOperation } from './operation'
import { type Registry } from './registry'
import { type Refusal, refusals } from './refusals'
import { sessionClaimsOf } from '../platform/revocation'
import { transact } from './transact'
import { isUuid } from './uuid'
import { describeError } from '../platform/log'
import { type AppContext } from '../platform/app-context'

export type Outcome = { answer: Answer } | { refusal: Refusal }

const profileIdsInMemoryMax = 50_000
/** Time to live in Redis. The profile of a subject never changes; flush Redis after restoring an older database. */
const profileIdTtlMs = 7 * 24 * 3_600_000
/** Invalid tokens per address before it is rate-limited, against guessing. */
const invalidTokensPerMinute = 60

export type Pipeline = ReturnType<typeof createPipeline>

/** What a transport needs to serve operations: authenticates callers, runs calls and turns errors into refusals. */
export function createPipeline(app: AppContext, registry: Registry) {
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
    const cached: unknown = await app.cache.getOrLoad(key, profileIdTtlMs, () => provisionProfile(identity))
    return typeof cached === 'string' && isUuid(cached) ? cached : provisionProfile(identity)
  }

  /** @throws `token_invalid`, `token_expired`, `auth_unavailable`; `too_many_requests` after many invalid tokens. */
  async function verify(token: string, address: string): Promise<Identity> {
    try {
      return await app.tokens.verify(token)
    } catch (error) {
      if (toRefusal(error).kind.status === 401)
        await consumeLimit(app, 'invalid-tokens', invalidTokensPerMinute, { actor: null, ipAddress: address })
      throw error
    }
  }

  const provisionProfile = (identity: Identity) =>
    transact({ app, registry, actor: null, requestId: randomUUID() }, context =>
      registry.provisionProfile(identity, context),
    )

  return {
    app,
    registry,

    /**
     * Authenticates a token. The first call of a subject creates its profile.
     * @throws `token_invalid`, `token_expired`, `session_revoked`, `auth_unavailable`, `too_many_requests`
     */
    async authenticate(token: string, address: string): Promise<{ actor: Actor; identity: Identity }> {
      const identity = await verify(token, address)
      const actor = await actorOf(identity)
      await app.revocations.assertNotRevoked(sessionClaimsOf(actor, identity.issuedAt))
      return { actor, identity }
    },

    /** Runs a call and returns its outcome. A bug is logged here, once, and the caller gets an opaque `internal_error`. */
    async run(transport: 'rest' | 'socket', op: AnyOperation, call: Call): Promise<Outcome> {
      const endTimer = app.metrics.operationDuration.startTimer({ operation: op.name, transport })
      try {
        const answer = await execute(app, registry, op, call)
        endTimer({ outcome: 'ok' })
        return { answer }
      } catch (error) {
        const refusal = this.toLoggedRefusal(error, call.requestId, op.name)
        endTimer({ outcome: refusal.kind.code })
        return { refusal }
      }
    },

    /** Converts any error to a refusal. Logs server errors (5xx). */
    toLoggedRefusal(error: unknown, requestId: string, during: string): Refusal {
      const refusal = toRefusal(error)
      if (refusal.kind === refusals.internalError)
        app.log.error({ requestId, during, ...describeError(error) }, 'unexpected error')
      else if (isServerError(refusal))
        app.log.warn({ requestId, during, ...describeError(error) }, 'dependency unavailable')
      return refusal
    },
  }
}
