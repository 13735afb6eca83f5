/** Verified claims of an access token, before the profile is looked up. */
export interface Identity {
  /** The `sub` claim: the auth server's id of the user. */
  subject: string
  name?: string
  preferredUsername?: string
  roles: readonly string[]
  sessionId?: string
  /** Epoch milliseconds, a whole number of seconds because `iat` has no finer precision. */
  issuedAt: number
  /** Epoch milliseconds. */
  expiresAt: number
}

/** The caller. `id` is the profile's id. */
export interface Actor {
  id: string
  roles: readonly string[]
  /** The `sid` claim: the auth server's id of the session, if the token has one. */
  sessionId?: string
}

export const isModerator = (actor: Actor | null): boolean =>
  actor !== null && (actor.roles.includes('moderator') || actor.roles.includes('admin'))
