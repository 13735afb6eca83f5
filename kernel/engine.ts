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

const arrivalsKeptMax = 50_000
/** In Redis. Whose profile it is never changes; a database that was put back to an older state wants Redis emptied. */
const arrivalsKeptMs = 7 * 24 * 3_600_000
/** Tokens that fail, per address: beyond this somebody is guessing. */
const badTokensPerMinute = 60

const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export type Engine = ReturnType<typeof createEngine>

/** What a door needs to serve the product: who is calling, and the outcome of a call. */
export function createEngine(world: World, product: Product) {
  const arrived = new Map<string, string>()

  async function actorOf(identity: Identity): Promise<Actor> {
    const { subject, roles, sessionId } = identity
    const id = arrived.get(subject) ?? (await profileIdOf(identity))
    if (arrived.size >= arrivalsKeptMax) arrived.clear()
    arrived.set(subject, id)
    return { id, roles, ...(sessionId === undefined ? {} : { sessionId }) }
  }

  /** Through Redis, so that a node which takes over the clients of another asks PostgreSQL for none of them. */
  async function profileIdOf(identity: Identity): Promise<string> {
    const key = `profile-id:${identity.subject}`
    const kept: unknown = await world.cache.through(key, arrivalsKeptMs, () => arrive(identity))
    return typeof kept === 'string' && isUuid.test(kept) ? kept : arrive(identity)
  }

  /** @throws `token_invalid`, `token_expired`, `auth_unavailable`; `too_many_requests` for who sends bad ones only. */
  async function verify(token: string, address: string): Promise<Identity> {
    try {
      return await world.tokens.verify(token)
    } catch (error) {
      if (toRefusal(error).kind.status === 401)
        await takeFrom(world, 'bad-tokens', badTokensPerMinute, { actor: null, address })
      throw error
    }
  }

  const arrive = (identity: Identity) =>
    transact({ world, product, actor: null, requestId: randomUUID() }, context => product.arrive(identity, context))

  return {
    world,
    product,

    /**
     * Who the token speaks for; the first call of a subject makes its profile.
     * @throws `token_invalid`, `token_expired`, `session_revoked`, `auth_unavailable`, `too_many_requests`
     */
    async admit(token: string, address: string): Promise<{ actor: Actor; identity: Identity }> {
      const identity = await verify(token, address)
      const actor = await actorOf(identity)
      await world.revocations.refuseRevoked(sessionOf(actor, identity.issuedAt))
      return { actor, identity }
    },

    /** Runs a call and says how it ended; a bug is logged here, once, and stays opaque to the caller. */
    async perform(door: 'rest' | 'socket', op: AnyOperation, call: Call): Promise<Outcome> {
      const end = world.metrics.calls.startTimer({ operation: op.name, door })
      try {
        const answer = await execute(world, product, op, call)
        end({ outcome: 'ok' })
        return { answer }
      } catch (error) {
        const refusal = this.refuse(error, call.requestId, op.name)
        end({ outcome: refusal.kind.code })
        return { refusal }
      }
    },

    /** Any error as a refusal, logged when it is our fault. */
    refuse(error: unknown, requestId: string, during: string): Refusal {
      const refusal = toRefusal(error)
      if (refusal.kind === refusals.internal) world.log.error({ requestId, during, ...describeError(error) }, 'a bug')
      else if (isOurFault(refusal)) world.log.warn({ requestId, during, ...describeError(error) }, 'not available')
      return refusal
    },
  }
}
