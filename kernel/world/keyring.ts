import { type Counter } from 'prom-client'
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { refusals } from '../refusals'
import { type Clock } from './clock'
import { describeError, type Log } from './log'
import { type RedisClients } from './redis'

const fetchTimeoutMs = 2_000
const bodyBytesMax = 64 * 1024
/** Older keys are fetched anew in the background; a key that was withdrawn dies within twice this time. */
const freshMs = 5 * 60_000
/** The last keys we got are good for so long while the auth server is away. */
const usableMs = 24 * 60 * 60_000
/** A key id that the auth server did not know is not asked for again so soon. */
const unknownKidMs = 30_000
/** Invented key ids must not turn us against the auth server. */
const fetchesPerWindowMax = 5
const fetchWindowMs = 30_000
const failurePauseMs = 1_000

interface Keys {
  jwks: JSONWebKeySet
  fetchedAt: number
}

export interface KeyringParts {
  url: string
  clock: Clock
  log: Log
  redis: Pick<RedisClients, 'commands'>
  fetches: Counter<'outcome'>
}

export type Keyring = ReturnType<typeof createKeyring>

/**
 * The auth server's public keys: in memory, else from Redis, else fetched (one fetch at a time). A rotation is met by
 * asking for the unknown key id at once; an outage is bridged by the last good keys; beyond those it is
 * `auth_unavailable`, never "your token is invalid".
 */
export function createKeyring({ url, clock, log, redis, fetches }: KeyringParts) {
  let keys: Keys | undefined
  let fetching: Promise<Keys> | undefined
  let failedAt = -Infinity
  let recentFetches: number[] = []
  const unknownKids = new Map<string, number>()

  async function fetchKeys(): Promise<Keys> {
    recentFetches.push(clock.now())
    try {
      const jwks = await download(url)
      fetches.inc({ outcome: 'ok' })
      keys = { jwks, fetchedAt: clock.now() }
      await redis.commands.set('jwks', JSON.stringify(keys), 'PX', usableMs).catch(() => undefined)
      return keys
    } catch (error) {
      fetches.inc({ outcome: 'failed' })
      failedAt = clock.now()
      log.warn(describeError(error), 'the keys of the auth server could not be fetched')
      throw error
    }
  }

  function refresh(): Promise<Keys> {
    fetching ??= fetchKeys().finally(() => (fetching = undefined))
    return fetching
  }

  /** Whether another fetch may be made now, after failures and floods of unknown key ids. */
  function mayFetch(): boolean {
    const now = clock.now()
    recentFetches = recentFetches.filter(at => now - at < fetchWindowMs)
    return recentFetches.length < fetchesPerWindowMax && now - failedAt >= failurePauseMs
  }

  async function current(): Promise<Keys> {
    const known = usable(keys) ?? usable(await fromRedis()) ?? usable(keys)
    if (known === undefined) {
      if (fetching === undefined && !mayFetch()) throw unavailable()
      return orUnavailable(refresh())
    }
    if (known.fetchedAt > (keys?.fetchedAt ?? -Infinity)) keys = known
    const ageMs = clock.now() - known.fetchedAt
    if (ageMs <= freshMs || !mayFetch()) return known
    const renewed = refresh().catch(() => known)
    // After a long rest the keys may hold one that was withdrawn; while the auth server is away nobody waits for it twice.
    return ageMs > 2 * freshMs && failedAt < known.fetchedAt ? renewed : known
  }

  const usable = (candidate: Keys | undefined) =>
    candidate !== undefined && clock.now() - candidate.fetchedAt < usableMs ? candidate : undefined

  async function fromRedis(): Promise<Keys | undefined> {
    const kept = await redis.commands.get('jwks').catch(() => null)
    return kept === null ? undefined : readKept(kept)
  }

  /** The key set that should hold `kid`: fetched anew when it is not there yet, as after a rotation. */
  async function holding(kid: string | undefined): Promise<Keys> {
    const known = await current()
    if (kid === undefined || has(known, kid)) return known
    const now = clock.now()
    if (now - (unknownKids.get(kid) ?? -Infinity) < unknownKidMs) return known
    // A fetch under way may have been answered before the key was there: its answer proves nothing.
    if (fetching !== undefined) {
      const arriving = await orUnavailable(fetching)
      if (has(arriving, kid)) return arriving
    }
    if (fetching === undefined && !mayFetch()) throw unavailable()
    const renewed = await orUnavailable(refresh())
    if (!has(renewed, kid)) remember(unknownKids, kid, now)
    return renewed
  }

  // A set imports its keys at their first use and keeps them: a new one for each token would do that each time.
  const sets = new WeakMap<JSONWebKeySet, JWTVerifyGetKey>()
  const getKey: JWTVerifyGetKey = async (header, token) => {
    const { jwks } = await holding(header.kid)
    const set = sets.get(jwks) ?? createLocalJWKSet(jwks)
    sets.set(jwks, set)
    return set(header, token)
  }
  return { getKey }
}

const unavailable = () => refusals.authUnavailable(undefined, { retryAfter: 5 })

const orUnavailable = (keys: Promise<Keys>): Promise<Keys> =>
  keys.catch(() => {
    throw unavailable()
  })

const has = ({ jwks }: Keys, kid: string) => jwks.keys.some(key => key.kid === kid)

function remember(kids: Map<string, number>, kid: string, now: number): void {
  if (kids.size >= 1_000) kids.clear()
  kids.set(kid, now)
}

async function download(url: string): Promise<JSONWebKeySet> {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(fetchTimeoutMs) })
  if (!response.ok || response.body === null) throw new Error(`the JWKS endpoint answered ${response.status}`)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > bodyBytesMax) throw new Error('the JWKS is too large')
    chunks.push(chunk)
  }
  const jwks: unknown = JSON.parse(Buffer.concat(chunks).toString())
  if (!isJwks(jwks)) throw new Error('the JWKS endpoint did not answer with keys')
  return jwks
}

/** What another node kept, unless somebody else wrote it. */
function readKept(kept: string): Keys | undefined {
  try {
    const { jwks, fetchedAt } = JSON.parse(kept) as Partial<Record<keyof Keys, unknown>>
    return isJwks(jwks) && typeof fetchedAt === 'number' ? { jwks, fetchedAt } : undefined
  } catch {
    return undefined
  }
}

const isJwks = (value: unknown): value is JSONWebKeySet =>
  typeof value === 'object' &&
  value !== null &&
  'keys' in value &&
  Array.isArray(value.keys) &&
  value.keys.length > 0 &&
  value.keys.every(key => typeof key === 'object' && key !== null)
