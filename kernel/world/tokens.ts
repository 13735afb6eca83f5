import { createHash } from 'node:crypto'
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import { type Identity } from '../actor'
import { Refusal, refusals } from '../refusals'
import { type Clock } from './clock'
import { type Config } from './config'
import { type Keyring } from './keyring'

const tokenLengthMax = 8_192
const clockToleranceS = 5
/** So long after its issue a token is good at most, whatever it says of itself: that bounds how long a revocation must be kept. */
export const tokenLifeMaxMs = 24 * 3_600_000
/** Checking an RS256 signature costs about as much as a whole request: a token that passed is believed for so long. */
const believedMs = 60_000
const believedMax = 20_000

export type Tokens = ReturnType<typeof createTokens>

/** Verifies access tokens of the auth server: RS256 only, issuer, audience, expiry; keys only from its JWKS. */
export function createTokens(auth: Config['auth'], keyring: Keyring, clock: Clock) {
  const believed = new Map<string, { identity: Identity; until: number }>()

  async function check(token: string): Promise<Identity> {
    refuseForeignKeys(token)
    const { payload } = await jwtVerify(token, keyring.getKey, {
      algorithms: ['RS256'],
      issuer: auth.issuer,
      audience: auth.audience,
      requiredClaims: ['sub', 'exp', 'iat'],
      clockTolerance: clockToleranceS,
      // Also has jose refuse an `iat` that lies ahead.
      maxTokenAge: tokenLifeMaxMs / 1000,
      currentDate: new Date(clock.now()),
    })
    return toIdentity(payload)
  }

  return {
    /**
     * Who the token speaks for.
     * @throws `token_invalid`, `token_expired`, or `auth_unavailable` when the keys cannot be had.
     */
    async verify(token: string): Promise<Identity> {
      if (token.length > tokenLengthMax) throw refusals.tokenInvalid()
      const hash = createHash('sha256').update(token).digest('base64')
      const known = believed.get(hash)
      if (known !== undefined && known.until > clock.now()) return known.identity
      const identity = await check(token).catch((error: unknown) => {
        throw asRefusal(error)
      })
      if (believed.size >= believedMax) believed.clear()
      believed.set(hash, { identity, until: Math.min(identity.expiresAt, clock.now() + believedMs) })
      return identity
    },
  }
}

const keyCarryingHeaders = ['jku', 'jwk', 'x5u', 'x5c', 'crit'] as const

/** A token may not say where its own key is to be found (ASVS 9.1.3). */
function refuseForeignKeys(token: string): void {
  const header = decodeProtectedHeader(token)
  if (keyCarryingHeaders.some(name => name in header)) throw refusals.tokenInvalid()
}

function toIdentity(payload: JWTPayload & Record<string, unknown>): Identity {
  const { sub, iat, exp, name, preferred_username: preferredUsername, sid, roles } = payload
  // jose checks that the claims are there, but not that a subject is text.
  if (!isName(sub)) throw refusals.tokenInvalid()
  if (iat === undefined || exp === undefined) throw refusals.tokenInvalid()
  const issuedAt = Math.floor(iat) * 1000
  return {
    subject: sub,
    issuedAt,
    expiresAt: Math.min(exp * 1000, issuedAt + tokenLifeMaxMs),
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
