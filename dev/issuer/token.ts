import { randomUUID, sign } from 'node:crypto'
import { type SigningKey } from './keys'

/** What a token shall say. `claims` and `header` override anything, and remove what they set to undefined. */
export interface TokenWish {
  /** Default: the subject with a capital letter. */
  name?: string | undefined
  roles?: readonly string[] | undefined
  /** Default 3600; negative for a token that has expired already. */
  ttlSeconds?: number | undefined
  sid?: string | undefined
  claims?: Record<string, unknown> | undefined
  header?: Record<string, unknown> | undefined
}

/** Makes an RS256 access token (RFC 9068). `now` is in epoch milliseconds. */
export function makeToken(
  { issuer, audience, now }: { issuer: string; audience: string; now: number },
  { kid, privateKey }: SigningKey,
  subject: string,
  wish: TokenWish = {},
): string {
  const iat = Math.floor(now / 1000)
  const header = { alg: 'RS256', kid, typ: 'at+jwt', ...wish.header }
  const claims = {
    sub: subject,
    iss: issuer,
    aud: audience,
    iat,
    exp: iat + (wish.ttlSeconds ?? defaultTtlSeconds),
    jti: randomUUID(),
    sid: wish.sid ?? randomUUID(),
    name: wish.name ?? subject.charAt(0).toUpperCase() + subject.slice(1),
    preferred_username: subject,
    roles: wish.roles ?? [],
    ...wish.claims,
  }
  // Put together by hand because a JOSE library rightly refuses to sign a header that lies about its algorithm, and such tokens are
  // what a verifier must be tried with.
  const signed = `${base64url(header)}.${base64url(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
}

export const defaultTtlSeconds = 3600

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
