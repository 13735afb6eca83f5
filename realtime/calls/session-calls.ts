import { type Actor, type Identity } from '../../kernel/pipeline/actor'
import { closeReasons } from '../../kernel/events/close-reasons'
import { type Pipeline } from '../../kernel/pipeline/pipeline'
import { toRefusal } from '../../kernel/pipeline/errors'
import { consumeLimit } from '../../kernel/pipeline/limits'
import { refreshTokenInput } from '../../kernel/events/protocol'
import { parse } from '../../kernel/pipeline/schema'
import { type CallHandler } from './call-dispatcher'
import { type SocketData } from '../connection/socket-data'
import { closeConnection } from '../connection/close-connection'

const refreshesPerMinute = 120

/**
 * `session.refresh {token}`: replaces the token of a connection by a newer one of the same subject; subscriptions stay. The token
 * issued later wins, in the same second the one that expires later, so refreshes may arrive in any order: an older token changes
 * nothing, and the answer has the expiry of the current one. `rolesChanged` is called to re-check channel access.
 */
export function sessionCalls(pipeline: Pipeline, rolesChanged: (actor: Actor) => void): [string, CallHandler][] {
  const { app } = pipeline
  const refreshCounter = app.metrics.tokenRefreshes

  const refresh: CallHandler = async ({ input }, caller, socket) => {
    await consumeLimit(app, 'session.refresh', refreshesPerMinute, caller)
    const { token } = parse(refreshTokenInput, input)
    const { actor, identity } = await pipeline.authenticate(token, caller.ipAddress)
    if (actor.id !== caller.actor.id) {
      // Close after the refusal is sent as the acknowledgement.
      setImmediate(() => closeConnection(app, socket, closeReasons.subjectMismatch))
      throw closeReasons.subjectMismatch.refusalKind()
    }
    const isNewer = isNewerToken(identity, caller)
    refreshCounter.inc({ outcome: isNewer ? 'newer' : 'older' })
    if (isNewer) {
      const haveRolesChanged = !sameRoles(actor, caller.actor)
      Object.assign(caller, { actor, issuedAt: identity.issuedAt, expiresAt: identity.expiresAt })
      if (haveRolesChanged) rolesChanged(actor)
    }
    return { data: { expiresAt: new Date(caller.expiresAt).toISOString() } }
  }

  return [
    [
      'session.refresh',
      (...call) =>
        refresh(...call).catch((error: unknown) => {
          refreshCounter.inc({ outcome: toRefusal(error).kind.code })
          throw error
        }),
    ],
  ]
}

const isNewerToken = (a: Identity, b: Pick<SocketData, 'issuedAt' | 'expiresAt'>): boolean =>
  a.issuedAt === b.issuedAt ? a.expiresAt >= b.expiresAt : a.issuedAt > b.issuedAt

const sameRoles = (a: Actor, b: Actor): boolean => [...a.roles].sort().join('\n') === [...b.roles].sort().join('\n')
