import { type Request } from 'express'
import { type Actor, type Identity } from '../kernel/actor'
import { type Engine } from '../kernel/engine'
import { refusals } from '../kernel/refusals'

export interface Bearer {
  actor: Actor
  identity: Identity
}

/**
 * Authenticates a request; null without a token. A token in the query is ignored, because URLs end up in logs.
 * @throws `token_invalid`, `token_expired`, `auth_unavailable`, `too_many_requests`
 */
export async function bearerOf(engine: Engine, request: Request): Promise<Bearer | null> {
  const header = request.get('authorization')
  if (header === undefined) return null
  const [, token] = /^Bearer ([^\s]+)$/i.exec(header) ?? []
  if (token === undefined) throw refusals.tokenInvalid('Send the token as `Authorization: Bearer <token>`.')
  return engine.admit(token, request.ip ?? '')
}
