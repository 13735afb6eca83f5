import { type Server, type Socket } from 'socket.io'
import { type Actor } from '../../kernel/actor'
import { type Closing, closings } from '../../kernel/closings'
import { type Refusal } from '../../kernel/refusals'
import { type Revocation, sessionOf } from '../../kernel/revocation'
import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'
import { callerOf } from '../dispatch'
import { closeSession } from './close-session'

const tickMs = 1_000
export const warningMs = 60_000
/** A client that is late to refresh its token may overlap a little: at the latest so long after the expiry it is out. */
export const graceMs = 5_000
/** How late a revocation can be on a node that hears nothing from the others; what PostgreSQL takes to answer adds to it. */
export const recheckEveryMs = 10_000

export interface Sessions extends Disposable {
  /** A socket was admitted: closed at once if its session was ended meanwhile. */
  begin(socket: Socket): void
  /** Ends what is no socket, such as a stream over REST, when its session ends. Call what it answers to watch no longer. */
  watch(live: LiveSession, end: (refusal: Refusal) => void): () => void
}

/** What is known of a session as long as it lasts. Times in epoch milliseconds. */
export interface LiveSession {
  actor: Actor
  issuedAt: number
  expiresAt: number
}

/**
 * Ends sessions that expire or are revoked, and warns of the first. One sweep a second over all sockets of the node: a
 * comparison each (measured: below 0.1 ms for 10,000), no timer and no memory, and no date is too far away for it.
 */
export function watchSessions(world: World, io: Server): Sessions {
  const { clock, metrics, revocations } = world
  const others = new Map<LiveSession, (refusal: Refusal) => void>()
  const startedAt = clock.now()
  let isCheckFailing = false

  function sweep(now: number): void {
    for (const socket of io.sockets.sockets.values()) {
      const caller = callerOf(socket)
      const { expiresAt } = caller
      // The next sweep would come too late.
      if (now > expiresAt + graceMs - tickMs) closeSession(world, socket, closings.tokenExpired)
      else if (now >= expiresAt - warningMs && caller.warnedOf !== expiresAt) {
        caller.warnedOf = expiresAt
        socket.emit('session.expiring', { expiresAt: new Date(expiresAt).toISOString() })
      }
    }
    for (const [live, end] of others)
      if (now > live.expiresAt + graceMs - tickMs) endOther(live, end, closings.tokenExpired)
  }

  function endOther(live: LiveSession, end: (refusal: Refusal) => void, { kind }: Closing): void {
    others.delete(live)
    metrics.sessionsClosed.inc({ code: kind.code })
    end(kind())
  }

  const isRevoked = ({ actor, issuedAt }: LiveSession) => revocations.isRevoked(sessionOf(actor, issuedAt))

  function endRevoked(fresh: readonly Revocation[]): void {
    metrics.revocations.inc(fresh.length)
    const people = new Set(fresh.map(({ profileId }) => profileId))
    for (const socket of io.sockets.sockets.values()) {
      const caller = callerOf(socket)
      if (people.has(caller.actor.id) && isRevoked(caller)) closeSession(world, socket, closings.sessionRevoked)
    }
    for (const [live, end] of others)
      if (people.has(live.actor.id) && isRevoked(live)) endOther(live, end, closings.sessionRevoked)
  }

  async function recheck(): Promise<void> {
    try {
      await revocations.check()
      isCheckFailing = false
    } catch (error) {
      if (!isCheckFailing) world.log.warn(describeError(error), 'revocations cannot be read')
      isCheckFailing = true
    }
  }

  function tick(): void {
    const now = clock.now()
    const checkedAt = revocations.checkedAt()
    metrics.revocationsLag.set(Math.max(now - (checkedAt ?? startedAt), 0) / 1_000)
    // A clock that is put back must not end the re-checks.
    if (checkedAt === undefined || Math.abs(now - checkedAt) >= recheckEveryMs) void recheck()
    try {
      sweep(now)
    } catch (error) {
      world.log.error(describeError(error), 'a sweep over the sessions failed')
    }
  }

  const hearing = revocations.onRevoked(endRevoked)
  const ticking = setInterval(tick, tickMs)
  void recheck()

  return {
    begin(socket) {
      if (isRevoked(callerOf(socket))) closeSession(world, socket, closings.sessionRevoked)
    },
    watch(live, end) {
      if (isRevoked(live)) endOther(live, end, closings.sessionRevoked)
      else others.set(live, end)
      return () => void others.delete(live)
    },
    [Symbol.dispose]() {
      clearInterval(ticking)
      hearing[Symbol.dispose]()
    },
  }
}
