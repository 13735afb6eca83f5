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
async function createFixture(jwksUrl?: string) {
  const parts: AsyncDisposable[] = []
  let offsetMs = 0
  const clock = { now: () => Date.now() + offsetMs }
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
    advance: (ms: number) => void (offsetMs += ms),
    [Symbol.asyncDispose]: async () => {
      for (const part of parts) await part[Symbol.asyncDispose]()
    },
  }
}
type Fixture = Awaited<ReturnType<typeof createFixture>>

const outcome = ({ tokens }: Fixture, token: string) => outcomeOf(tokens.verify(token))

const outcomeOf = (verified: Promise<unknown>): Promise<string> =>
  verified.then(
    () => 'accepted',
    (error: unknown) => toRefusal(error).kind.code,
  )

describe('the JWKS cache', () => {
  it('fetches once for a hundred concurrent tokens (A13)', async () => {
    await using fixture = await createFixture()
    const tokens = await Promise.all(Array.from({ length: 100 }, (_, index) => fixture.issuer.issueToken(`p${index}`)))
    const outcomes = await Promise.all(tokens.map(token => outcome(fixture, token)))
    expect(new Set(outcomes)).toEqual(new Set(['accepted']))
    expect(fixture.issuer.jwksRequestCount).toBe(1)
  })

  it('is shared between nodes, so that the next one does not fetch', async () => {
    await using fixture = await createFixture()
    expect(await outcome(fixture, await fixture.issuer.issueToken('ann'))).toBe('accepted')
    await fixture.verifier().verify(await fixture.issuer.issueToken('bob'))
    expect(fixture.issuer.jwksRequestCount).toBe(1)
  })

  it('accepts old and new tokens during rotation under load (A12)', async () => {
    await using fixture = await createFixture()
    const outcomes: string[] = []
    for (let round = 0; round < 3; round += 1) {
      const old = await fixture.issuer.issueToken(`old${round}`)
      await fixture.issuer.rotateKeys()
      const tokens = await Promise.all(
        Array.from({ length: 20 }, (_, index) => fixture.issuer.issueToken(`new${round}-${index}`)),
      )
      outcomes.push(...(await Promise.all([...tokens, old].map(token => outcome(fixture, token)))))
    }
    expect(new Set(outcomes)).toEqual(new Set(['accepted']))
    expect(fixture.issuer.jwksRequestCount).toBeLessThanOrEqual(4)
  })

  it('stops accepting withdrawn keys after ten minutes, also without traffic', async () => {
    await using fixture = await createFixture()
    const options = { ttlSeconds: 86_400 }
    const oldToken = await fixture.issuer.issueToken('thief', options)
    expect(await outcome(fixture, oldToken)).toBe('accepted')
    await fixture.issuer.rotateKeys()
    await fixture.issuer.retireOldKeys()
    fixture.advance(11 * minuteMs)
    expect(await outcome(fixture, oldToken)).toBe('token_invalid')
    expect(await outcome(fixture, await fixture.issuer.issueToken('ann'))).toBe('accepted')
  })

  it('survives an outage of the auth server for hours', async () => {
    await using fixture = await createFixture()
    expect(await outcome(fixture, await fixture.issuer.issueToken('ann'))).toBe('accepted')
    fixture.issuer.setFailureMode('down')
    for (let hours = 1; hours <= 20; hours += 6) {
      fixture.advance(6 * 60 * minuteMs - minuteMs)
      expect(await outcome(fixture, await fixture.issuer.issueToken('ann'))).toBe('accepted')
    }
    fixture.advance(8 * 60 * minuteMs)
    expect(await outcome(fixture, await fixture.issuer.issueToken('ann'))).toBe('auth_unavailable')
    fixture.issuer.setFailureMode('none')
    fixture.advance(2_000)
    expect(await outcome(fixture, await fixture.issuer.issueToken('ann'))).toBe('accepted')
  })
})

describe('a failing auth server (A11)', () => {
  it.each(['down', 'garbage', 'huge', 'hang'] as const)(
    'that is %s, with no cached key, leads to a 503 with `retryAfter`',
    async mode => {
      await using fixture = await createFixture()
      fixture.issuer.setFailureMode(mode)
      const token = await fixture.issuer.issueToken('ann')
      const verifications = Array.from({ length: 3 }, () =>
        fixture.tokens.verify(token).catch((error: unknown) => toRefusal(error)),
      )
      for (const refused of await Promise.all(verifications))
        expect(refused).toMatchObject({ kind: refusals.authUnavailable, extras: { retryAfter: 5 } })
      expect(fixture.issuer.jwksRequestCount).toBe(1)
      fixture.issuer.setFailureMode('none')
      fixture.advance(2_000)
      expect(await outcome(fixture, token)).toBe('accepted')
    },
  )

  it('leads to a 503, not a 401, for a token with an unknown key', async () => {
    await using fixture = await createFixture()
    expect(await outcome(fixture, await fixture.issuer.issueToken('ann'))).toBe('accepted')
    fixture.issuer.setFailureMode('down')
    await fixture.issuer.rotateKeys()
    expect(await outcome(fixture, await fixture.issuer.issueToken('ann'))).toBe('auth_unavailable')
    fixture.issuer.setFailureMode('none')
    fixture.advance(2_000)
    expect(await outcome(fixture, await fixture.issuer.issueToken('ann'))).toBe('accepted')
  })

  it.each(['{"keys":[null]}', '{"keys":[1]}', '{"keys":[]}', '{"keys":{}}', 'null', '[]', ''])(
    'that returns %j leads to a 503, not to invalid tokens',
    async body => {
      await using auth = await authServer((_hit, response) => response.end(body))
      await using fixture = await createFixture(auth.url)
      expect(await outcome(fixture, await fixture.issuer.issueToken('ann'))).toBe('auth_unavailable')
    },
  )

  it('is not followed through redirects', async () => {
    await using fixture = await createFixture()
    await using auth = await authServer((_hit, response) =>
      response.writeHead(302, { location: fixture.issuer.jwksUrl }).end(),
    )
    await using redirected = await createFixture(auth.url)
    expect(await outcome(redirected, await redirected.issuer.issueToken('ann'))).toBe('auth_unavailable')
    expect(fixture.issuer.jwksRequestCount).toBe(0)
  })
})

it('a flood of invented key ids causes only a few fetches, and blocks no valid token', async () => {
  await using fixture = await createFixture()
  const known = await fixture.issuer.issueToken('ann')
  expect(await outcome(fixture, known)).toBe('accepted')
  const invented = await Promise.all(
    Array.from({ length: 300 }, (_, index) => fixture.issuer.issueToken('x', { header: { kid: `invented-${index}` } })),
  )
  const outcomes: string[] = []
  for (let at = 0; at < invented.length; at += 50)
    outcomes.push(...(await Promise.all(invented.slice(at, at + 50).map(token => outcome(fixture, token)))))
  expect(outcomes.every(code => code === 'token_invalid' || code === 'auth_unavailable')).toBe(true)
  expect(fixture.issuer.jwksRequestCount).toBeLessThanOrEqual(5)
  expect(await outcome(fixture, await fixture.issuer.issueToken('bob'))).toBe('accepted')
  // A known invented id causes no fetch.
  const { jwksRequestCount } = fixture.issuer
  expect(await outcome(fixture, invented[0] ?? '')).toBe('token_invalid')
  expect(fixture.issuer.jwksRequestCount).toBe(jwksRequestCount)
})

it('accepts a key that appears during a fetch', async () => {
  await using fixture = await createFixture()
  let release: () => void = () => undefined
  const released = new Promise<void>(resolve => (release = resolve))
  await using auth = await authServer(async (hit, response) => {
    const body = await (await fetch(fixture.issuer.jwksUrl)).text()
    if (hit === 2) await released
    response.end(body)
  })
  const tokens = fixture.verifier(auth.url)
  expect(await outcomeOf(tokens.verify(await fixture.issuer.issueToken('ann')))).toBe('accepted')
  // The cache is old enough to be refreshed; the response is pending when the keys rotate.
  fixture.advance(6 * minuteMs)
  expect(await outcomeOf(tokens.verify(await fixture.issuer.issueToken('ann')))).toBe('accepted')
  await waitUntil(() => auth.answered === 2)
  await fixture.issuer.rotateKeys()
  const verified = outcomeOf(tokens.verify(await fixture.issuer.issueToken('bob')))
  release()
  expect(await verified).toBe('accepted')
})

it.each(['{"half', '{}', '{"jwks":{"keys":[null]},"fetchedAt":1e15}', '"text"', 'null'])(
  'ignores malformed cached keys in Redis (%s)',
  async cached => {
    await using fixture = await createFixture()
    await fixture.redis.commands.set('jwks', cached)
    expect(await outcome(fixture, await fixture.issuer.issueToken('ann'))).toBe('accepted')
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
