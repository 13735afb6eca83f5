/** Who a token speaks for, before the product knows them. */
export interface Identity {
  /** The auth server's name for the person: the token's `sub`. */
  subject: string
  name?: string
  preferredUsername?: string
  roles: readonly string[]
  sessionId?: string
  /** Epoch milliseconds, in whole seconds: tokens are no more precise. */
  issuedAt: number
  /** Epoch milliseconds. */
  expiresAt: number
}

/** Who is calling. `id` is the profile's id. */
export interface Actor {
  id: string
  roles: readonly string[]
  /** The auth server's name for their session, where their token has one. */
  sessionId?: string
}

export const isModerator = (actor: Actor | null): boolean =>
  actor !== null && (actor.roles.includes('moderator') || actor.roles.includes('admin'))
