import { randomUUID, sign } from 'node:crypto'
import { type SigningKey } from './keys'

/** The contents of a token. `claims` and `header` override everything else; undefined removes a field. */
export interface TokenOptions {
  /** Default: the subject, capitalized. */
  name?: string | undefined
  roles?: readonly string[] | undefined
  /** Default 3600; a negative value makes an expired token. */
  ttlSeconds?: number | undefined
  sid?: string | undefined
  claims?: Record<string, unknown> | undefined
  header?: Record<string, unknown> | undefined
}

/** Signs an RS256 access token (RFC 9068). `now` is in epoch milliseconds. */
export function signToken(
  { issuer, audience, now }: { issuer: string; audience: string; now: number },
  { kid, privateKey }: SigningKey,
  subject: string,
  options: TokenOptions = {},
): string {
  const iat = Math.floor(now / 1000)
  const header = { alg: 'RS256', kid, typ: 'at+jwt', ...options.header }
  const claims = {
    sub: subject,
    iss: issuer,
    aud: audience,
    iat,
    exp: iat + (options.ttlSeconds ?? defaultTtlSeconds),
    jti: randomUUID(),
    sid: options.sid ?? randomUUID(),
    name: options.name ?? subject.charAt(0).toUpperCase() + subject.slice(1),
    preferred_username: subject,
    roles: options.roles ?? [],
    ...options.claims,
  }
  // Built by hand: a JOSE library refuses to sign a header with a wrong algorithm, and tests of the verifier need such tokens.
  const signed = `${base64url(header)}.${base64url(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
}

export const defaultTtlSeconds = 3600

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
