import { type Counter } from 'prom-client'
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { refusals } from '../pipeline/refusals'
import { type Clock } from './clock'
import { describeError, type Log } from './log'
import { type RedisClients } from './redis'

const fetchTimeoutMs = 2_000
const bodyBytesMax = 64 * 1024
/** Older keys are refreshed in the background; a withdrawn key is rejected within twice this time. */
const freshMs = 5 * 60_000
/** How long the last keys are used while the auth server is unavailable. */
const usableMs = 24 * 60 * 60_000
/** Minimum interval between fetches for the same unknown key id. */
const unknownKidPauseMs = 30_000
/** Limits fetches, so that tokens with invented key ids cannot flood the auth server. */
const fetchesPerWindowMax = 5
const fetchWindowMs = 30_000
const failurePauseMs = 1_000

interface Keys {
  jwks: JSONWebKeySet
  fetchedAt: number
}

export interface JwksCacheOptions {
  url: string
  clock: Clock
  log: Log
  redis: Pick<RedisClients, 'commands'>
  fetches: Counter<'outcome'>
}

export type JwksCache = ReturnType<typeof createJwksCache>

/**
 * The auth server's public keys (JWKS): from memory, else Redis, else fetched, one fetch at a time. An unknown key id
 * triggers a fetch at once, for key rotations. During an outage the last good keys are used; without any the answer is
 * `auth_unavailable`, never `token_invalid`.
 */
export function createJwksCache({ url, clock, log, redis, fetches }: JwksCacheOptions) {
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
      log.warn(describeError(error), 'could not fetch the JWKS of the auth server')
      throw error
    }
  }

  function refresh(): Promise<Keys> {
    fetching ??= fetchKeys().finally(() => (fetching = undefined))
    return fetching
  }

  /** False shortly after a failed fetch, and after too many fetches for unknown key ids. */
  function mayFetch(): boolean {
    const now = clock.now()
    recentFetches = recentFetches.filter(at => now - at < fetchWindowMs)
    return recentFetches.length < fetchesPerWindowMax && now - failedAt >= failurePauseMs
  }

  async function current(): Promise<Keys> {
    const known = usable(keys) ?? usable(await readFromRedis()) ?? usable(keys)
    if (known === undefined) {
      if (fetching === undefined && !mayFetch()) throw unavailable()
      return orUnavailable(refresh())
    }
    if (known.fetchedAt > (keys?.fetchedAt ?? -Infinity)) keys = known
    const ageMs = clock.now() - known.fetchedAt
    if (ageMs <= freshMs || !mayFetch()) return known
    const renewed = refresh().catch(() => known)
    // Very old keys may include a withdrawn one, so wait for the refresh; but not again while the auth server is down.
    return ageMs > 2 * freshMs && failedAt < known.fetchedAt ? renewed : known
  }

  const usable = (candidate: Keys | undefined) =>
    candidate !== undefined && clock.now() - candidate.fetchedAt < usableMs ? candidate : undefined

  async function readFromRedis(): Promise<Keys | undefined> {
    const text = await redis.commands.get('jwks').catch(() => null)
    return text === null ? undefined : parseCached(text)
  }

  /** The keys, fetched anew when they lack `kid`, as after a rotation. */
  async function keysWith(kid: string | undefined): Promise<Keys> {
    const known = await current()
    if (kid === undefined || has(known, kid)) return known
    const now = clock.now()
    if (now - (unknownKids.get(kid) ?? -Infinity) < unknownKidPauseMs) return known
    // A fetch already in progress may have been answered before the rotation, so a miss in it proves nothing.
    if (fetching !== undefined) {
      const fetched = await orUnavailable(fetching)
      if (has(fetched, kid)) return fetched
    }
    if (fetching === undefined && !mayFetch()) throw unavailable()
    const renewed = await orUnavailable(refresh())
    if (!has(renewed, kid)) remember(unknownKids, kid, now)
    return renewed
  }

  // One jose key set per JWKS: it imports each key once and caches it.
  const sets = new WeakMap<JSONWebKeySet, JWTVerifyGetKey>()
  const getKey: JWTVerifyGetKey = async (header, token) => {
    const { jwks } = await keysWith(header.kid)
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
  if (!isJwks(jwks)) throw new Error('the JWKS endpoint returned no keys')
  return jwks
}

/** Undefined unless the text has the expected form, as another program may have written it. */
function parseCached(text: string): Keys | undefined {
  try {
    const { jwks, fetchedAt } = JSON.parse(text) as Partial<Record<keyof Keys, unknown>>
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
