import { randomUUID } from 'node:crypto'
import { type Actor, type Identity } from './actor'
import { type Answer, type Call, execute } from './execute'
import { isOurFault, toRefusal } from './faults'
import { takeFrom } from './limits'
import { type AnyOperation } from './operation'
import { type Product } from './product'
import { type Refusal, refusals } from './refusals'
import { transact } from './transact'
import { describeError } from './world/log'
import { type World } from './world'

export type Outcome = { answer: Answer } | { refusal: Refusal }

const arrivalsKeptMax = 50_000
/** Tokens that fail, per address: beyond this somebody is guessing. */
const badTokensPerMinute = 60

export type Engine = ReturnType<typeof createEngine>

/** What a door needs to serve the product: who is calling, and the outcome of a call. */
export function createEngine(world: World, product: Product) {
  const arrived = new Map<string, string>()

  async function actorOf(identity: Identity): Promise<Actor> {
    const known = arrived.get(identity.subject)
    const id = known ?? (await arrive(identity))
    if (arrived.size >= arrivalsKeptMax) arrived.clear()
    arrived.set(identity.subject, id)
    return { id, roles: identity.roles }
  }

  const arrive = (identity: Identity) =>
    transact({ world, product, actor: null, requestId: randomUUID() }, context => product.arrive(identity, context))

  return {
    world,
    product,

    /**
     * Who the token speaks for; the first call of a subject makes its profile.
     * @throws `token_invalid`, `token_expired`, `auth_unavailable`, `too_many_requests`
     */
    async admit(token: string, address: string): Promise<{ actor: Actor; identity: Identity }> {
      try {
        const identity = await world.tokens.verify(token)
        return { actor: await actorOf(identity), identity }
      } catch (error) {
        const refusal = toRefusal(error)
        if (refusal.kind.status === 401)
          await takeFrom(world, 'bad-tokens', badTokensPerMinute, { actor: null, address })
        throw error
      }
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
