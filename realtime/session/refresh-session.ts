import { type Actor, type Identity } from '../../kernel/actor'
import { closings } from '../../kernel/closings'
import { type Engine } from '../../kernel/engine'
import { toRefusal } from '../../kernel/faults'
import { takeFrom } from '../../kernel/limits'
import { refreshWish } from '../../kernel/protocol'
import { parse } from '../../kernel/schema'
import { type SocketCall } from '../dispatch'
import { type Caller } from '../handshake'
import { closeSession } from './close-session'

const refreshesPerMinute = 120

/**
 * `session.refresh {token}`: replaces the token of a connection by a newer one of the same subject; subscriptions stay. The token
 * issued later wins, in the same second the one that expires later, so refreshes may arrive in any order: an older token changes
 * nothing, and the answer has the expiry of the current one. `rolesChanged` is called to re-check channel access.
 */
export function refreshCalls(engine: Engine, rolesChanged: (actor: Actor) => void): [string, SocketCall][] {
  const { world } = engine
  const refreshCounter = world.metrics.sessionsRefreshed

  const refresh: SocketCall = async ({ input }, caller, socket) => {
    await takeFrom(world, 'session.refresh', refreshesPerMinute, caller)
    const { token } = parse(refreshWish, input)
    const { actor, identity } = await engine.admit(token, caller.address)
    if (actor.id !== caller.actor.id) {
      // Close after the refusal is sent as the acknowledgement.
      setImmediate(() => closeSession(world, socket, closings.otherSubject))
      throw closings.otherSubject.kind()
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

const isNewerToken = (a: Identity, b: Pick<Caller, 'issuedAt' | 'expiresAt'>): boolean =>
  a.issuedAt === b.issuedAt ? a.expiresAt >= b.expiresAt : a.issuedAt > b.issuedAt

const sameRoles = (a: Actor, b: Actor): boolean => [...a.roles].sort().join('\n') === [...b.roles].sort().join('\n')
