import { type Server, type Socket } from 'socket.io'
import { type Actor } from '../../kernel/pipeline/actor'
import { type CloseReason, closeReasons } from '../../kernel/events/close-reasons'
import { type Refusal } from '../../kernel/pipeline/refusals'
import { type Revocation, sessionClaimsOf } from '../../kernel/platform/revocation'
import { describeError } from '../../kernel/platform/log'
import { type AppContext } from '../../kernel/platform/app-context'
import { callerOf } from '../connection/socket-data'
import { closeConnection } from '../connection/close-connection'

const tickMs = 1_000
export const expiryWarningMs = 60_000
/** Grace period after token expiry before the connection is closed, for clients that refresh late. */
export const expiryGraceMs = 5_000
/** Delay of a revocation on a node without Redis; the time of the PostgreSQL query adds to it. */
export const revocationCheckMs = 10_000

export interface SessionWatcher extends Disposable {
  /** Closes a new socket at once when its session was revoked during the handshake. */
  onConnected(socket: Socket): void
  /** Calls `end` when the session of something other than a socket ends, such as a REST stream. Returns a function that stops it. */
  watch(live: ActiveSession, end: (refusal: Refusal) => void): () => void
}

/** A session in use. Times in epoch milliseconds. */
export interface ActiveSession {
  actor: Actor
  issuedAt: number
  expiresAt: number
}

/**
 * Closes connections whose token has expired or whose session is revoked, and warns before expiry. One sweep a second over all sockets
 * costs one comparison each (measured: below 0.1 ms for 10,000), needs no timer per socket and has no limit on the date.
 */
export function watchSessions(app: AppContext, io: Server): SessionWatcher {
  const { clock, metrics, revocations } = app
  const watched = new Map<ActiveSession, (refusal: Refusal) => void>()
  const startedAt = clock.now()
  let isCheckFailing = false

  function sweep(now: number): void {
    for (const socket of io.sockets.sockets.values()) {
      const caller = callerOf(socket)
      const { expiresAt } = caller
      // Close in this sweep: the next one is after the grace period.
      if (now > expiresAt + expiryGraceMs - tickMs) closeConnection(app, socket, closeReasons.tokenExpired)
      else if (now >= expiresAt - expiryWarningMs && caller.warnedExpiresAt !== expiresAt) {
        caller.warnedExpiresAt = expiresAt
        socket.emit('session.expiring', { expiresAt: new Date(expiresAt).toISOString() })
      }
    }
    for (const [live, end] of watched)
      if (now > live.expiresAt + expiryGraceMs - tickMs) endWatched(live, end, closeReasons.tokenExpired)
  }

  function endWatched(live: ActiveSession, end: (refusal: Refusal) => void, { refusalKind }: CloseReason): void {
    watched.delete(live)
    metrics.connectionsClosed.inc({ code: refusalKind.code })
    end(refusalKind())
  }

  const isRevoked = ({ actor, issuedAt }: ActiveSession) => revocations.isRevoked(sessionClaimsOf(actor, issuedAt))

  function endRevoked(added: readonly Revocation[]): void {
    metrics.revocations.inc(added.length)
    const profileIds = new Set(added.map(({ profileId }) => profileId))
    for (const socket of io.sockets.sockets.values()) {
      const caller = callerOf(socket)
      if (profileIds.has(caller.actor.id) && isRevoked(caller))
        closeConnection(app, socket, closeReasons.sessionRevoked)
    }
    for (const [live, end] of watched)
      if (profileIds.has(live.actor.id) && isRevoked(live)) endWatched(live, end, closeReasons.sessionRevoked)
  }

  async function recheck(): Promise<void> {
    try {
      await revocations.check()
      isCheckFailing = false
    } catch (error) {
      if (!isCheckFailing) app.log.warn(describeError(error), 'could not read session revocations')
      isCheckFailing = true
    }
  }

  function tick(): void {
    const now = clock.now()
    const checkedAt = revocations.checkedAt()
    metrics.revocationsCheckAge.set(Math.max(now - (checkedAt ?? startedAt), 0) / 1_000)
    // `Math.abs`: a clock set back must not stop the re-checks.
    if (checkedAt === undefined || Math.abs(now - checkedAt) >= revocationCheckMs) void recheck()
    try {
      sweep(now)
    } catch (error) {
      app.log.error(describeError(error), 'session sweep failed')
    }
  }

  const subscription = revocations.onRevoked(endRevoked)
  const timer = setInterval(tick, tickMs)
  void recheck()

  return {
    onConnected(socket) {
      if (isRevoked(callerOf(socket))) closeConnection(app, socket, closeReasons.sessionRevoked)
    },
    watch(live, end) {
      if (isRevoked(live)) endWatched(live, end, closeReasons.sessionRevoked)
      else watched.set(live, end)
      return () => void watched.delete(live)
    },
    [Symbol.dispose]() {
      clearInterval(timer)
      subscription[Symbol.dispose]()
    },
  }
}
