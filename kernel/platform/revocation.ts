import { id, timestamp, nullable, shape, type Value, outputText } from '../pipeline/schema'

/** Revokes tokens of a profile: those of one session, those of all sessions but one, or all. */
export const revocation = shape({
  profileId: id,
  /** Null: every session of the profile. */
  sessionId: nullable(outputText),
  /** The session that stays signed in when the others are revoked. */
  exceptSessionId: nullable(outputText),
  /** Tokens with `iat` up to this instant are refused. `iat` has whole seconds, so tokens of the same second are refused too. */
  until: timestamp,
})
export type Revocation = Value<typeof revocation>

/** The claims of a token that decide whether it is revoked. */
export interface SessionClaims {
  profileId: string
  sessionId?: string | undefined
  /** Epoch milliseconds. */
  issuedAt: number
}

export function isRevokedBy(
  session: SessionClaims,
  { profileId, sessionId, exceptSessionId, until }: Revocation,
): boolean {
  if (session.profileId !== profileId) return false
  if (sessionId !== null && session.sessionId !== sessionId) return false
  if (exceptSessionId !== null && session.sessionId === exceptSessionId) return false
  return session.issuedAt <= Date.parse(until)
}

/** The session of an authenticated token. */
export const sessionClaimsOf = (actor: { id: string; sessionId?: string }, issuedAt: number): SessionClaims => ({
  profileId: actor.id,
  sessionId: actor.sessionId,
  issuedAt,
})
