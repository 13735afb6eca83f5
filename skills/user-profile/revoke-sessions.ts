import { operation } from '../../kernel/pipeline/operation'
import { invalidField, refusals } from '../../kernel/pipeline/refusals'
import { timestamp, line, oneOf, optional, shape } from '../../kernel/pipeline/schema'
import { sessionsRevoked } from './events'
import { sessionIdMissing } from './refusals'

/** Single-session revocations per user and day: every node keeps each of them in memory. */
const singleRevocationsMax = 200

export const revokeSessions = operation({
  name: 'user-profile.revokeSessions',
  route: 'POST /me/sessions/revoke',
  summary: 'Revoke your sessions',
  description:
    'All of them (the default), all but the current one (`scope`), or one by the `sid` of its tokens (`sessionId`). All nodes ' +
    'refuse their tokens issued until now within seconds and close their connections. A newer token is valid again.',
  auth: 'signed-in',
  input: shape({ scope: optional(oneOf('all', 'others')), sessionId: optional(line(255)) }),
  output: shape({ until: timestamp }),
  limit: { perMinute: 10 },
  idempotency: 'natural',
  refuses: [sessionIdMissing],

  async load({ scope, sessionId }, { actor, app }) {
    if (scope !== undefined && sessionId !== undefined) throw mutuallyExclusive()
    if (scope === 'others' && actor.sessionId === undefined) throw sessionIdMissing()
    if (sessionId !== undefined && (await app.revocations.count(actor.id)) >= singleRevocationsMax) throw tooManyToday()
    const exceptSessionId = scope === 'others' ? (actor.sessionId ?? null) : null
    return { sessionId: sessionId ?? null, exceptSessionId }
  },

  allow: () => true,

  async run({ subject: sessions, actor }, { now, app, emit }) {
    const revocation = { profileId: actor.id, ...sessions, until: now.toISOString() }
    await app.revocations.insert(revocation, actor.id)
    await emit(sessionsRevoked, revocation)
    return { until: revocation.until }
  },
})

const tooManyToday = () => refusals.tooManyRequests('Revoke all sessions instead.', { retryAfter: 3_600 })

const mutuallyExclusive = () =>
  invalidField('sessionId', 'mutually_exclusive', 'send either scope or sessionId, not both')
