import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { instant, line, oneOf, optional, shape } from '../../kernel/schema'
import { sessionsEnded } from './events'
import { sessionUnnamed } from './refusals'

/** Of single sessions, per person and day: each costs every node memory. */
const endedOneByOneMax = 200

export const endSessions = operation({
  name: 'user-profile.endSessions',
  route: 'POST /me/sessions/end',
  summary:
    'Sign out: everywhere, everywhere else, or one session by the `sid` of its tokens. Every token issued until now is ' +
    'refused within seconds, on all nodes, and connections that live by one are closed; a newer token is good again.',
  who: 'signed-in',
  input: shape({ scope: optional(oneOf('everywhere', 'elsewhere')), sessionId: optional(line(255)) }),
  output: shape({ until: instant }),
  limit: { perMinute: 10 },
  idempotency: 'natural',
  refuses: [sessionUnnamed],

  async load({ scope, sessionId }, { actor, world }) {
    if (scope !== undefined && sessionId !== undefined) throw eitherOr()
    if (scope === 'elsewhere' && actor.sessionId === undefined) throw sessionUnnamed()
    if (sessionId !== undefined && (await world.revocations.countOf(actor.id)) >= endedOneByOneMax) throw tooManyToday()
    const exceptSessionId = scope === 'elsewhere' ? (actor.sessionId ?? null) : null
    return { sessionId: sessionId ?? null, exceptSessionId }
  },

  allow: () => true,

  async run({ subject: which, actor }, { now, world, emit }) {
    const ended = { profileId: actor.id, ...which, until: now.toISOString() }
    await world.revocations.write(ended, actor.id)
    await emit(sessionsEnded, ended)
    return { until: ended.until }
  },
})

const tooManyToday = () => refusals.tooMany('End all sessions instead.', { retryAfter: 3_600 })

const eitherOr = () =>
  refusals.invalidInput(undefined, {
    errors: [{ path: 'sessionId', code: 'one_of_two', message: 'say either scope or sessionId' }],
  })
