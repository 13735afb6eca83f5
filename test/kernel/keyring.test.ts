import { randomUUID } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { startIssuer } from '../../dev/issuer'
import { audience } from '../../dev/stack'
import { toRefusal } from '../../kernel/pipeline/errors'
import { refusals } from '../../kernel/pipeline/refusals'
import { createJwksCache } from '../../kernel/platform/jwks-cache'
import { createLog } from '../../kernel/platform/log'
import { createMetrics } from '../../kernel/platform/metrics'
import { openRedis } from '../../kernel/platform/redis'
import { createTokens } from '../../kernel/platform/tokens'
import { testStack } from '../stack'
import { waitUntil } from './wait-until'

const minuteMs = 60_000
const { variables } = testStack()

/** An auth server and verifiers with empty caches, which share a Redis. */
async function fresh(jwksUrl?: string) {
  const parts: AsyncDisposable[] = []
  let aheadMs = 0
  const clock = { now: () => Date.now() + aheadMs }
  const issuer = await startIssuer({ audience, now: () => clock.now() })
  const log = createLog(process.env.TEST_LOG_LEVEL ?? 'silent')
  const metrics = createMetrics()
  const { REDIS_HOST: host = '', REDIS_PORT = '' } = variables
  const at = { host, port: Number(REDIS_PORT), password: undefined, tls: false, prefix: `test-${randomUUID()}` }
  const redis = openRedis({ redis: at }, log, metrics.redisPublishFailures)
  parts.push(redis, issuer)
  await redis.ready(5_000)
  const verifier = (url = jwksUrl ?? issuer.jwksUrl) => {
    const keyring = createJwksCache({ url, clock, log, redis, fetches: metrics.jwksFetches })
    return createTokens({ jwksUrl: url, issuer: issuer.issuer, audience }, keyring, clock)
  }
  return {
    issuer,
    redis,
    verifier,
    tokens: verifier(),
    advance: (ms: number) => void (aheadMs += ms),
    [Symbol.asyncDispose]: async () => {
      for (const part of parts) await part[Symbol.asyncDispose]()
    },
  }
}
type Fresh = Awaited<ReturnType<typeof fresh>>

const outcome = ({ tokens }: Fresh, token: string) => outcomeOf(tokens.verify(token))

const outcomeOf = (verified: Promise<unknown>): Promise<string> =>
  verified.then(
    () => 'accepted',
    (error: unknown) => toRefusal(error).kind.code,
  )

describe('the JWKS cache', () => {
  it('fetches once for a hundred concurrent tokens (A13)', async () => {
    await using own = await fresh()
    const tokens = await Promise.all(Array.from({ length: 100 }, (_, index) => own.issuer.issueToken(`p${index}`)))
    const outcomes = await Promise.all(tokens.map(token => outcome(own, token)))
    expect(new Set(outcomes)).toEqual(new Set(['accepted']))
    expect(own.issuer.jwksRequestCount).toBe(1)
  })

  it('is shared between nodes, so that the next one does not fetch', async () => {
    await using own = await fresh()
    expect(await outcome(own, await own.issuer.issueToken('ann'))).toBe('accepted')
    await own.verifier().verify(await own.issuer.issueToken('bob'))
    expect(own.issuer.jwksRequestCount).toBe(1)
  })

  it('accepts old and new tokens during rotation under load (A12)', async () => {
    await using own = await fresh()
    const outcomes: string[] = []
    for (let round = 0; round < 3; round += 1) {
      const old = await own.issuer.issueToken(`old${round}`)
      await own.issuer.rotateKeys()
      const tokens = await Promise.all(
        Array.from({ length: 20 }, (_, index) => own.issuer.issueToken(`new${round}-${index}`)),
      )
      outcomes.push(...(await Promise.all([...tokens, old].map(token => outcome(own, token)))))
    }
    expect(new Set(outcomes)).toEqual(new Set(['accepted']))
    expect(own.issuer.jwksRequestCount).toBeLessThanOrEqual(4)
  })

  it('stops accepting withdrawn keys after ten minutes, also without traffic', async () => {
    await using own = await fresh()
    const wish = { ttlSeconds: 86_400 }
    const stolen = await own.issuer.issueToken('thief', wish)
    expect(await outcome(own, stolen)).toBe('accepted')
    await own.issuer.rotateKeys()
    await own.issuer.retireOldKeys()
    own.advance(11 * minuteMs)
    expect(await outcome(own, stolen)).toBe('token_invalid')
    expect(await outcome(own, await own.issuer.issueToken('ann'))).toBe('accepted')
  })

  it('survives an outage of the auth server for hours', async () => {
    await using own = await fresh()
    expect(await outcome(own, await own.issuer.issueToken('ann'))).toBe('accepted')
    own.issuer.setFailureMode('down')
    for (let hours = 1; hours <= 20; hours += 6) {
      own.advance(6 * 60 * minuteMs - minuteMs)
      expect(await outcome(own, await own.issuer.issueToken('ann'))).toBe('accepted')
    }
    own.advance(8 * 60 * minuteMs)
    expect(await outcome(own, await own.issuer.issueToken('ann'))).toBe('auth_unavailable')
    own.issuer.setFailureMode('none')
    own.advance(2_000)
    expect(await outcome(own, await own.issuer.issueToken('ann'))).toBe('accepted')
  })
})

describe('a failing auth server (A11)', () => {
  it.each(['down', 'garbage', 'huge', 'hang'] as const)(
    'that is %s, with no cached key, leads to a 503 with `retryAfter`',
    async mode => {
      await using own = await fresh()
      own.issuer.setFailureMode(mode)
      const token = await own.issuer.issueToken('ann')
      const askers = Array.from({ length: 3 }, () =>
        own.tokens.verify(token).catch((error: unknown) => toRefusal(error)),
      )
      for (const refused of await Promise.all(askers))
        expect(refused).toMatchObject({ kind: refusals.authUnavailable, extras: { retryAfter: 5 } })
      expect(own.issuer.jwksRequestCount).toBe(1)
      own.issuer.setFailureMode('none')
      own.advance(2_000)
      expect(await outcome(own, token)).toBe('accepted')
    },
  )

  it('leads to a 503, not a 401, for a token with an unknown key', async () => {
    await using own = await fresh()
    expect(await outcome(own, await own.issuer.issueToken('ann'))).toBe('accepted')
    own.issuer.setFailureMode('down')
    await own.issuer.rotateKeys()
    expect(await outcome(own, await own.issuer.issueToken('ann'))).toBe('auth_unavailable')
    own.issuer.setFailureMode('none')
    own.advance(2_000)
    expect(await outcome(own, await own.issuer.issueToken('ann'))).toBe('accepted')
  })

  it.each(['{"keys":[null]}', '{"keys":[1]}', '{"keys":[]}', '{"keys":{}}', 'null', '[]', ''])(
    'that returns %j leads to a 503, not to invalid tokens',
    async body => {
      await using auth = await authServer((_hit, response) => response.end(body))
      await using own = await fresh(auth.url)
      expect(await outcome(own, await own.issuer.issueToken('ann'))).toBe('auth_unavailable')
    },
  )

  it('is not followed through redirects', async () => {
    await using own = await fresh()
    await using auth = await authServer((_hit, response) =>
      response.writeHead(302, { location: own.issuer.jwksUrl }).end(),
    )
    await using misled = await fresh(auth.url)
    expect(await outcome(misled, await misled.issuer.issueToken('ann'))).toBe('auth_unavailable')
    expect(own.issuer.jwksRequestCount).toBe(0)
  })
})

it('a flood of invented key ids causes only a few fetches, and blocks no valid token', async () => {
  await using own = await fresh()
  const known = await own.issuer.issueToken('ann')
  expect(await outcome(own, known)).toBe('accepted')
  const invented = await Promise.all(
    Array.from({ length: 300 }, (_, index) => own.issuer.issueToken('x', { header: { kid: `invented-${index}` } })),
  )
  const outcomes: string[] = []
  for (let at = 0; at < invented.length; at += 50)
    outcomes.push(...(await Promise.all(invented.slice(at, at + 50).map(token => outcome(own, token)))))
  expect(outcomes.every(code => code === 'token_invalid' || code === 'auth_unavailable')).toBe(true)
  expect(own.issuer.jwksRequestCount).toBeLessThanOrEqual(5)
  expect(await outcome(own, await own.issuer.issueToken('bob'))).toBe('accepted')
  // A known invented id causes no fetch.
  const { jwksRequestCount } = own.issuer
  expect(await outcome(own, invented[0] ?? '')).toBe('token_invalid')
  expect(own.issuer.jwksRequestCount).toBe(jwksRequestCount)
})

it('accepts a key that appears during a fetch', async () => {
  await using own = await fresh()
  let release: () => void = () => undefined
  const released = new Promise<void>(resolve => (release = resolve))
  await using auth = await authServer(async (hit, response) => {
    const body = await (await fetch(own.issuer.jwksUrl)).text()
    if (hit === 2) await released
    response.end(body)
  })
  const tokens = own.verifier(auth.url)
  expect(await outcomeOf(tokens.verify(await own.issuer.issueToken('ann')))).toBe('accepted')
  // The cache is old enough to be refreshed; the response is pending when the keys rotate.
  own.advance(6 * minuteMs)
  expect(await outcomeOf(tokens.verify(await own.issuer.issueToken('ann')))).toBe('accepted')
  await waitUntil(() => auth.answered === 2)
  await own.issuer.rotateKeys()
  const verified = outcomeOf(tokens.verify(await own.issuer.issueToken('bob')))
  release()
  expect(await verified).toBe('accepted')
})

it.each(['{"half', '{}', '{"jwks":{"keys":[null]},"fetchedAt":1e15}', '"text"', 'null'])(
  'ignores malformed cached keys in Redis (%s)',
  async kept => {
    await using own = await fresh()
    await own.redis.commands.set('jwks', kept)
    expect(await outcome(own, await own.issuer.issueToken('ann'))).toBe('accepted')
  },
)

async function authServer(answer: (hit: number, response: ServerResponse) => unknown) {
  const state = { answered: 0 }
  const server = createServer((_request, response) => void answer((state.answered += 1), response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    get answered() {
      return state.answered
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
