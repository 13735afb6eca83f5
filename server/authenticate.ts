import { type Request } from 'express'
import { type Actor, type Identity } from '../kernel/pipeline/actor'
import { type Pipeline } from '../kernel/pipeline/pipeline'
import { refusals } from '../kernel/pipeline/refusals'

export interface AuthenticatedCaller {
  actor: Actor
  identity: Identity
}

/**
 * Authenticates a request; null without a token. A token in the query is ignored, because URLs end up in logs.
 * @throws `token_invalid`, `token_expired`, `auth_unavailable`, `too_many_requests`
 */
export async function authenticate(
  pipeline: Pipeline,
  request: Request,
  address = request.ip ?? '',
): Promise<AuthenticatedCaller | null> {
  const header = request.get('authorization')
  if (header === undefined) return null
  const [, token] = /^Bearer ([^\s]+)$/i.exec(header) ?? []
  if (token === undefined) throw refusals.tokenInvalid('Send the token as `Authorization: Bearer <token>`.')
  return pipeline.authenticate(token, address)
}
