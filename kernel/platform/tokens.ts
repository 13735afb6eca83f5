import { hash } from 'node:crypto'
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import { type Identity } from '../pipeline/actor'
import { Refusal, refusals } from '../pipeline/refusals'
import { type Clock } from './clock'
import { type Config } from './config'
import { type JwksCache } from './jwks-cache'

export const tokenLengthMax = 8_192
const clockToleranceS = 5
/** Maximum age of a token, whatever its `exp`. It bounds how long revocations must be kept. */
export const tokenAgeMaxMs = 24 * 3_600_000
/** How long a verified token is cached: verifying an RS256 signature costs about as much as a whole request. */
const verifiedTtlMs = 60_000
const verifiedMax = 20_000

export type Tokens = ReturnType<typeof createTokens>

/** Verifies access tokens of the auth server: RS256 only, issuer, audience and expiry, with keys from its JWKS only. */
export function createTokens(auth: Config['auth'], jwksCache: JwksCache, clock: Clock) {
  const verified = new Map<string, { identity: Identity; until: number }>()

  async function verifyUncached(token: string): Promise<Identity> {
    refuseEmbeddedKeys(token)
    const { payload } = await jwtVerify(token, jwksCache.getKey, {
      algorithms: ['RS256'],
      issuer: auth.issuer,
      audience: auth.audience,
      requiredClaims: ['sub', 'exp', 'iat'],
      clockTolerance: clockToleranceS,
      // With `maxTokenAge` jose also refuses an `iat` in the future.
      maxTokenAge: tokenAgeMaxMs / 1000,
      currentDate: new Date(clock.now()),
    })
    return toIdentity(payload)
  }

  return {
    /**
     * Verifies a token and returns its claims.
     * @throws `token_invalid`, `token_expired`, or `auth_unavailable` when the JWKS cannot be fetched.
     */
    async verify(token: string): Promise<Identity> {
      if (token.length > tokenLengthMax) throw refusals.tokenInvalid()
      const digest = hash('sha256', token, 'base64')
      const cached = verified.get(digest)
      if (cached !== undefined && cached.until > clock.now()) return cached.identity
      const identity = await verifyUncached(token).catch((error: unknown) => {
        throw asRefusal(error)
      })
      if (verified.size >= verifiedMax) verified.clear()
      verified.set(digest, { identity, until: Math.min(identity.expiresAt, clock.now() + verifiedTtlMs) })
      return identity
    },
  }
}

const keyCarryingHeaders = ['jku', 'jwk', 'x5u', 'x5c', 'crit'] as const

/** Refuses headers that name or embed the verification key (ASVS 9.1.3). */
function refuseEmbeddedKeys(token: string): void {
  const header = decodeProtectedHeader(token)
  if (keyCarryingHeaders.some(name => name in header)) throw refusals.tokenInvalid()
}

function toIdentity(payload: JWTPayload & Record<string, unknown>): Identity {
  const { sub, iat, exp, name, preferred_username: preferredUsername, sid, roles } = payload
  // jose checks that `sub` is present, but not that it is a string.
  if (!isName(sub)) throw refusals.tokenInvalid()
  if (iat === undefined || exp === undefined) throw refusals.tokenInvalid()
  const issuedAt = Math.floor(iat) * 1000
  return {
    subject: sub,
    issuedAt,
    expiresAt: Math.min(exp * 1000, issuedAt + tokenAgeMaxMs),
    roles: Array.isArray(roles) ? roles.filter(role => typeof role === 'string') : [],
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof preferredUsername === 'string' ? { preferredUsername } : {}),
    ...(isName(sid) ? { sessionId: sid } : {}),
  }
}

const isName = (claim: unknown): claim is string => typeof claim === 'string' && /^[^\p{C}\s]{1,255}$/u.test(claim)

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  return error instanceof errors.JWTExpired ? refusals.tokenExpired() : refusals.tokenInvalid()
}
