import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { instant, line, oneOf, optional, shape } from '../../kernel/schema'
import { sessionsEnded } from './events'
import { sessionUnnamed } from './refusals'

/** Single-session revocations per user and day: every node keeps each of them in memory. */
const singleRevocationsMax = 200

export const endSessions = operation({
  name: 'user-profile.endSessions',
  route: 'POST /me/sessions/end',
  summary: 'Revoke your sessions',
  description:
    'All of them (the default), all but the current one (`scope`), or one by the `sid` of its tokens (`sessionId`). All nodes ' +
    'refuse their tokens issued until now within seconds and close their connections. A newer token is valid again.',
  who: 'signed-in',
  input: shape({ scope: optional(oneOf('everywhere', 'elsewhere')), sessionId: optional(line(255)) }),
  output: shape({ until: instant }),
  limit: { perMinute: 10 },
  idempotency: 'natural',
  refuses: [sessionUnnamed],

  async load({ scope, sessionId }, { actor, world }) {
    if (scope !== undefined && sessionId !== undefined) throw mutuallyExclusive()
    if (scope === 'elsewhere' && actor.sessionId === undefined) throw sessionUnnamed()
    if (sessionId !== undefined && (await world.revocations.countOf(actor.id)) >= singleRevocationsMax)
      throw tooManyToday()
    const exceptSessionId = scope === 'elsewhere' ? (actor.sessionId ?? null) : null
    return { sessionId: sessionId ?? null, exceptSessionId }
  },

  allow: () => true,

  async run({ subject: sessions, actor }, { now, world, emit }) {
    const revocation = { profileId: actor.id, ...sessions, until: now.toISOString() }
    await world.revocations.write(revocation, actor.id)
    await emit(sessionsEnded, revocation)
    return { until: revocation.until }
  },
})

const tooManyToday = () => refusals.tooMany('Revoke all sessions instead.', { retryAfter: 3_600 })

const mutuallyExclusive = () =>
  refusals.invalidInput(undefined, {
    errors: [{ path: 'sessionId', code: 'one_of_two', message: 'send either scope or sessionId, not both' }],
  })
