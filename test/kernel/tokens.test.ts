import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import fc from 'fast-check'
import { type Problem } from '../../kernel/pipeline/refusals'
import { toRefusal } from '../../kernel/pipeline/errors'
import { notesRegistry } from './notes'
import { type TestKernel, createTestKernel } from './test-kernel'

let kernel: TestKernel
beforeAll(async () => {
  kernel = await createTestKernel({ registry: notesRegistry })
})
afterAll(() => kernel[Symbol.asyncDispose]())

const verify = (token: string) => kernel.app.tokens.verify(token)
const problemOf = (token: string): Promise<Problem | { code: 'accepted' }> =>
  verify(token).then(
    () => ({ code: 'accepted' }) as const,
    (error: unknown) => toRefusal(error).toProblem('r'),
  )
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const claims = (more: Record<string, unknown>) => kernel.issuer.issueToken('ann', { claims: more })
const header = (more: Record<string, unknown>) => kernel.issuer.issueToken('ann', { header: more })
const seconds = () => Math.floor(kernel.clock.now() / 1000)

describe('a valid token', () => {
  it('identifies its subject', async () => {
    const token = await kernel.issuer.issueToken('ann', { roles: ['moderator'], sid: 's1', name: 'Ann' })
    expect(await verify(token)).toEqual({
      subject: 'ann',
      name: 'Ann',
      preferredUsername: 'ann',
      roles: ['moderator'],
      sessionId: 's1',
      issuedAt: expect.any(Number) as unknown,
      expiresAt: expect.any(Number) as unknown,
    })
  })

  it('may omit optional claims, and claims of the wrong type are ignored', async () => {
    const token = await claims({ name: 5, preferred_username: {}, sid: [], roles: 'admin' })
    const timestamps = { issuedAt: expect.any(Number) as unknown, expiresAt: expect.any(Number) as unknown }
    expect(await verify(token)).toEqual({ subject: 'ann', roles: [], ...timestamps })
    expect(await verify(await claims({ roles: ['a', 5, null, { admin: true }] }))).toMatchObject({ roles: ['a'] })
  })
})

describe('a token is rejected', () => {
  it('without a signature, or signed with the public key as a secret (A01)', async () => {
    expect(await problemOf(await header({ alg: 'none' }))).toMatchObject({ status: 401, code: 'token_invalid' })
    const good = await kernel.issuer.issueToken('ann')
    const [head = '', body = ''] = good.split('.')
    expect(await problemOf(`${encode({ alg: 'none' })}.${body}.`)).toMatchObject({ code: 'token_invalid' })
    const { keys } = (await (await fetch(kernel.issuer.jwksUrl)).json()) as { keys: [{ kid: string; n: string }] }
    const hmacHead = encode({ alg: 'HS256', kid: keys[0].kid })
    const mac = createHmac('sha256', JSON.stringify(keys[0])).update(`${hmacHead}.${body}`).digest('base64url')
    expect(await problemOf(`${hmacHead}.${body}.${mac}`)).toMatchObject({ code: 'token_invalid' })
    for (const alg of ['HS256', 'RS384', 'RS512', 'PS256', 'ES256'])
      expect(await problemOf(await header({ alg }))).toMatchObject({ code: 'token_invalid' })
    expect(head).not.toBe('')
  })

  it.each(["' or 1=1 --", '../../dev/null', { a: 1 }, ['x'], 5, 'nobody'])('with the key id %j (A02)', async kid => {
    // Wait between attempts, so that unknown keys may be fetched again.
    kernel.clock.advance(31_000)
    expect(await problemOf(await header({ kid }))).toMatchObject({ status: 401, code: 'token_invalid' })
  })

  it('if it names the location of its key, which is never fetched (A03)', async () => {
    let visits = 0
    const trap = createServer((_request, response) => {
      visits += 1
      response.end('{}')
    }).listen(0, '127.0.0.1')
    const address = trap.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}/`
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    for (const name of ['jku', 'x5u'])
      expect(await problemOf(await header({ [name]: url }))).toMatchObject({ code: 'token_invalid' })
    for (const name of ['jwk', 'x5c'])
      expect(await problemOf(await header({ [name]: {} }))).toMatchObject({ code: 'token_invalid' })
    const [, body = ''] = (await kernel.issuer.issueToken('ann')).split('.')
    const signed = `${encode({ alg: 'RS256', jwk: publicKey.export({ format: 'jwk' }) })}.${body}`
    const own256 = sign('sha256', Buffer.from(signed), privateKey).toString('base64url')
    expect(await problemOf(`${signed}.${own256}`)).toMatchObject({ code: 'token_invalid' })
    expect(visits).toBe(0)
    trap.close()
  })

  it.each(['exp', 'iat', 'sub', 'iss', 'aud'])('without %s (A04, A06)', async name => {
    expect(await problemOf(await claims({ [name]: undefined }))).toMatchObject({ code: 'token_invalid' })
  })

  it('outside its validity, with a few seconds of tolerance (A05)', async () => {
    expect(await problemOf(await claims({ exp: seconds() - 3 }))).toMatchObject({ code: 'accepted' })
    expect(await problemOf(await claims({ exp: seconds() - 7 }))).toMatchObject({ status: 401, code: 'token_expired' })
    expect(await problemOf(await claims({ exp: '9999999999' }))).toMatchObject({ code: 'token_invalid' })
    expect(await problemOf(await claims({ nbf: seconds() + 3 }))).toMatchObject({ code: 'accepted' })
    expect(await problemOf(await claims({ nbf: seconds() + 60 }))).toMatchObject({ code: 'token_invalid' })
    expect(await problemOf(await claims({ iat: seconds() + 3 }))).toMatchObject({ code: 'accepted' })
    expect(await problemOf(await claims({ iat: seconds() + 3_600 }))).toMatchObject({ code: 'token_invalid' })
    expect(await problemOf(await claims({ iat: 'now' }))).toMatchObject({ code: 'token_invalid' })
  })

  it('a day after it was issued, whatever its expiry', async () => {
    const day = 24 * 3_600
    const issued = seconds() - day + 60
    const long = await claims({ iat: issued, exp: seconds() + 40 * day })
    expect(await verify(long)).toMatchObject({ issuedAt: issued * 1_000, expiresAt: (issued + day) * 1_000 })
    const old = await claims({ iat: seconds() - day - 10, exp: seconds() + 40 * day })
    expect(await problemOf(old)).toMatchObject({ status: 401, code: 'token_expired' })
  })

  it('for another audience, or from another issuer (A06)', async () => {
    for (const wrong of [
      { aud: 'other' },
      { aud: ['a', 'b'] },
      { aud: {} },
      { iss: 'https://evil.example' },
      { iss: '' },
    ])
      expect(await problemOf(await claims(wrong))).toMatchObject({ code: 'token_invalid' })
    expect(await problemOf(await claims({ aud: ['other', kernel.issuer.audience] }))).toMatchObject({
      code: 'accepted',
    })
  })

  it.each([{ $gt: '' }, ['ann'], 5, true, null, '', ' ', 'a b', 'a\u0000', 'a\u200bb', 'x'.repeat(256)])(
    'for the subject %j (A07)',
    async sub => {
      expect(await problemOf(await claims({ sub }))).toMatchObject({ status: 401, code: 'token_invalid' })
    },
  )

  it('in any other format (A08)', async () => {
    const good = await kernel.issuer.issueToken('ann')
    const [head = '', body = '', signature = ''] = good.split('.')
    const forms = ['', '.', '..', '...', 'x', head, `${head}.${body}`, `${head}.${body}.`, `${good}x`, `${good}.x.y`]
    forms.push(`${head}.${body}.${signature.slice(1)}`, `${encode(null)}.${body}.${signature}`, `${good},${good}`)
    for (const form of forms) expect(await problemOf(form)).toMatchObject({ status: 401, code: 'token_invalid' })
    expect(await problemOf(await header({ crit: ['b64'], b64: false }))).toMatchObject({ code: 'token_invalid' })
    expect(await problemOf(await header({ crit: ['x'], x: 1 }))).toMatchObject({ code: 'token_invalid' })
  })

  it('with any one character changed (A08)', async () => {
    const good = await kernel.issuer.issueToken('ann')
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 2), fc.string({ minLength: 1, maxLength: 1 }), async (at, character) => {
        fc.pre(good[at] !== character)
        const { code } = await problemOf(good.slice(0, at) + character + good.slice(at + 1))
        expect(['token_invalid', 'auth_unavailable']).toContain(code)
      }),
      { numRuns: 150 },
    )
  })

  it('if it is huge, without spending time on it (A10)', async () => {
    expect(await problemOf('x'.repeat(1_000_000))).toMatchObject({ code: 'token_invalid' })
    expect(await problemOf(await claims({ filler: 'x'.repeat(8_200) }))).toMatchObject({ code: 'token_invalid' })
  })
})

describe('a cached token', () => {
  it('is accepted only while it is valid (A09)', async () => {
    const token = await kernel.issuer.issueToken('ann', { ttlSeconds: 20 })
    expect(await problemOf(token)).toMatchObject({ code: 'accepted' })
    kernel.clock.advance(30_000)
    expect(await problemOf(token)).toMatchObject({ code: 'token_expired' })
  })
})

it('limits invalid tokens by IP address', async () => {
  const { url } = await kernel.startWeb()
  const me = (token: string) => fetch(`${url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } })
  const statuses: number[] = []
  for (let index = 0; index < 62; index += 1) statuses.push((await me(`guess.${index}.x`)).status)
  expect(new Set(statuses.slice(0, 60))).toEqual(new Set([401]))
  expect(statuses.slice(60)).toEqual([429, 429])
  expect((await me(await kernel.issuer.issueToken('ann'))).status).toBe(200)
})
