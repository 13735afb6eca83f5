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
/** Grace period after token expiry before the connection is closed, for clients that refresh late. */
export const graceMs = 5_000
/** Delay of a revocation on a node without Redis; the time of the PostgreSQL query adds to it. */
export const recheckEveryMs = 10_000

export interface Sessions extends Disposable {
  /** Closes a new socket at once when its session was revoked during the handshake. */
  begin(socket: Socket): void
  /** Calls `end` when the session of something other than a socket ends, such as a REST stream. Returns a function that stops it. */
  watch(live: LiveSession, end: (refusal: Refusal) => void): () => void
}

/** A session in use. Times in epoch milliseconds. */
export interface LiveSession {
  actor: Actor
  issuedAt: number
  expiresAt: number
}

/**
 * Closes connections whose token has expired or whose session is revoked, and warns before expiry. One sweep a second over all sockets
 * costs one comparison each (measured: below 0.1 ms for 10,000), needs no timer per socket and has no limit on the date.
 */
export function watchSessions(world: World, io: Server): Sessions {
  const { clock, metrics, revocations } = world
  const watched = new Map<LiveSession, (refusal: Refusal) => void>()
  const startedAt = clock.now()
  let isCheckFailing = false

  function sweep(now: number): void {
    for (const socket of io.sockets.sockets.values()) {
      const caller = callerOf(socket)
      const { expiresAt } = caller
      // Close in this sweep: the next one is after the grace period.
      if (now > expiresAt + graceMs - tickMs) closeSession(world, socket, closings.tokenExpired)
      else if (now >= expiresAt - warningMs && caller.warnedOf !== expiresAt) {
        caller.warnedOf = expiresAt
        socket.emit('session.expiring', { expiresAt: new Date(expiresAt).toISOString() })
      }
    }
    for (const [live, end] of watched)
      if (now > live.expiresAt + graceMs - tickMs) endWatched(live, end, closings.tokenExpired)
  }

  function endWatched(live: LiveSession, end: (refusal: Refusal) => void, { kind }: Closing): void {
    watched.delete(live)
    metrics.sessionsClosed.inc({ code: kind.code })
    end(kind())
  }

  const isRevoked = ({ actor, issuedAt }: LiveSession) => revocations.isRevoked(sessionOf(actor, issuedAt))

  function endRevoked(added: readonly Revocation[]): void {
    metrics.revocations.inc(added.length)
    const profileIds = new Set(added.map(({ profileId }) => profileId))
    for (const socket of io.sockets.sockets.values()) {
      const caller = callerOf(socket)
      if (profileIds.has(caller.actor.id) && isRevoked(caller)) closeSession(world, socket, closings.sessionRevoked)
    }
    for (const [live, end] of watched)
      if (profileIds.has(live.actor.id) && isRevoked(live)) endWatched(live, end, closings.sessionRevoked)
  }

  async function recheck(): Promise<void> {
    try {
      await revocations.check()
      isCheckFailing = false
    } catch (error) {
      if (!isCheckFailing) world.log.warn(describeError(error), 'could not read session revocations')
      isCheckFailing = true
    }
  }

  function tick(): void {
    const now = clock.now()
    const checkedAt = revocations.checkedAt()
    metrics.revocationsLag.set(Math.max(now - (checkedAt ?? startedAt), 0) / 1_000)
    // `Math.abs`: a clock set back must not stop the re-checks.
    if (checkedAt === undefined || Math.abs(now - checkedAt) >= recheckEveryMs) void recheck()
    try {
      sweep(now)
    } catch (error) {
      world.log.error(describeError(error), 'session sweep failed')
    }
  }

  const subscription = revocations.onRevoked(endRevoked)
  const timer = setInterval(tick, tickMs)
  void recheck()

  return {
    begin(socket) {
      if (isRevoked(callerOf(socket))) closeSession(world, socket, closings.sessionRevoked)
    },
    watch(live, end) {
      if (isRevoked(live)) endWatched(live, end, closings.sessionRevoked)
      else watched.set(live, end)
      return () => void watched.delete(live)
    },
    [Symbol.dispose]() {
      clearInterval(timer)
      subscription[Symbol.dispose]()
    },
  }
}
