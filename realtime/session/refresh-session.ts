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
 * `session.refresh {token}`: the connection lives on by a newer token of the same person; nothing that is followed is
 * touched. Of two tokens the one issued later holds, of the same second the one that expires later, so that refreshes may
 * come in any order: an older token changes nothing and is answered with the expiry that holds. `rolesChanged` is called
 * when the rights to what is followed must be asked again.
 */
export function refreshCalls(engine: Engine, rolesChanged: (actor: Actor) => void): [string, SocketCall][] {
  const { world } = engine
  const refreshed = world.metrics.sessionsRefreshed

  const refresh: SocketCall = async ({ input }, caller, socket) => {
    await takeFrom(world, 'session.refresh', refreshesPerMinute, caller)
    const { token } = parse(refreshWish, input)
    const { actor, identity } = await engine.admit(token, caller.address)
    if (actor.id !== caller.actor.id) {
      // Once the refusal has gone out as the answer.
      setImmediate(() => closeSession(world, socket, closings.otherSubject))
      throw closings.otherSubject.kind()
    }
    const isNewer = holdsOver(identity, caller)
    refreshed.inc({ outcome: isNewer ? 'newer' : 'older' })
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
          refreshed.inc({ outcome: toRefusal(error).kind.code })
          throw error
        }),
    ],
  ]
}

const holdsOver = (one: Identity, other: Pick<Caller, 'issuedAt' | 'expiresAt'>): boolean =>
  one.issuedAt === other.issuedAt ? one.expiresAt >= other.expiresAt : one.issuedAt > other.issuedAt

const sameRoles = (one: Actor, other: Actor): boolean =>
  [...one.roles].sort().join('\n') === [...other.roles].sort().join('\n')
