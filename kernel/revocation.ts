import { id, instant, nullable, shape, type Value, written } from './schema'

/** Whose tokens are refused from now on: those of one session, or all of a person but those of one session, or all. */
export const revocation = shape({
  profileId: id,
  /** Null: every session of the person. */
  sessionId: nullable(written),
  /** The one that goes on, where the others are ended. */
  exceptSessionId: nullable(written),
  /** Tokens issued until then are refused. A token names whole seconds: all of this second count as before. */
  until: instant,
})
export type Revocation = Value<typeof revocation>

/** What of a token decides whether it was revoked. */
export interface Session {
  profileId: string
  sessionId?: string | undefined
  /** Epoch milliseconds. */
  issuedAt: number
}

export function isRevokedBy(session: Session, { profileId, sessionId, exceptSessionId, until }: Revocation): boolean {
  if (session.profileId !== profileId) return false
  if (sessionId !== null && session.sessionId !== sessionId) return false
  if (exceptSessionId !== null && session.sessionId === exceptSessionId) return false
  return session.issuedAt <= Date.parse(until)
}

/** The session that an admitted token stands for. */
export const sessionOf = (actor: { id: string; sessionId?: string }, issuedAt: number): Session => ({
  profileId: actor.id,
  sessionId: actor.sessionId,
  issuedAt,
})
