import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startIssuer, type Issuer, type IssuerOptions } from '../../dev/issuer'

const audience = 'tutti'
const anyString: unknown = expect.any(String)
const anyNumber: unknown = expect.any(Number)
const start = (options: Partial<IssuerOptions> = {}) => startIssuer({ audience, ...options })

/** Verifies like a third party, with an empty cache. */
const verify = ({ jwksUrl, issuer }: Issuer, token: string, currentDate = new Date()) =>
  jwtVerify(token, createRemoteJWKSet(new URL(jwksUrl)), {
    issuer,
    audience,
    algorithms: ['RS256'],
    currentDate,
  })

async function publishedKids({ jwksUrl }: Issuer): Promise<unknown[]> {
  const body: unknown = await (await fetch(jwksUrl)).json()
  return (body as { keys: { kid: unknown }[] }).keys.map(key => key.kid)
}

const requestToken = ({ issuer }: Issuer, body: unknown) =>
  fetch(`${issuer}/token`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })

describe('a token', () => {
  it('is verified by the published keys and names its subject', async () => {
    await using issuer = await start()
    const { payload, protectedHeader } = await verify(issuer, await issuer.issueToken('ann'))
    expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: anyString })
    expect(payload).toEqual({
      sub: 'ann',
      iss: issuer.issuer,
      aud: audience,
      iat: anyNumber,
      exp: (payload.iat ?? 0) + 3600,
      jti: anyString,
      sid: anyString,
      name: 'Ann',
      preferred_username: 'ann',
      roles: [],
    })
  })

  it('differs from the next one in id and session', async () => {
    await using issuer = await start()
    const [one, two] = [decodeJwt(await issuer.issueToken('ann')), decodeJwt(await issuer.issueToken('ann'))]
    expect(one.jti).not.toBe(two.jti)
    expect(one.sid).not.toBe(two.sid)
  })

  it('uses the given clock', async () => {
    const now = Date.UTC(2030, 0, 1)
    await using issuer = await start({ now: () => now })
    const token = await issuer.issueToken('ann', { ttlSeconds: 60 })
    await expect(verify(issuer, token, new Date(now + 59_000))).resolves.toMatchObject({ payload: { iat: now / 1000 } })
    await expect(verify(issuer, token, new Date(now + 60_000))).rejects.toMatchObject({ code: 'ERR_JWT_EXPIRED' })
  })

  it('carries the given claims', async () => {
    await using issuer = await start()
    const claims = {
      name: 'Ann B.',
      roles: ['moderator'],
      sid: 's1',
      claims: { aud: 'other', exp: undefined, scope: 'x' },
    }
    const payload = decodeJwt(await issuer.issueToken('ann', claims))
    expect(payload).toMatchObject({ name: 'Ann B.', roles: ['moderator'], sid: 's1', aud: 'other', scope: 'x' })
    expect(payload).not.toHaveProperty('exp')
  })

  it('may be issued with a false header, which a verifier rejects', async () => {
    await using issuer = await start()
    const token = await issuer.issueToken('ann', { header: { alg: 'none', kid: undefined } })
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'none', typ: 'at+jwt' })
    await expect(verify(issuer, token)).rejects.toMatchObject({ code: 'ERR_JOSE_ALG_NOT_ALLOWED' })
  })

  it('of another issuer is rejected', async () => {
    await using issuer = await start()
    await using other = await start()
    const token = await other.issueToken('ann', { claims: { iss: issuer.issuer } })
    await expect(verify(issuer, token)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' })
  })
})

describe('keys', () => {
  it('are published without their private half', async () => {
    await using issuer = await start()
    const set: unknown = await (await fetch(issuer.jwksUrl)).json()
    const key = { kty: 'RSA', alg: 'RS256', use: 'sig', kid: anyString, n: anyString, e: 'AQAB' }
    expect(set).toEqual({ keys: [key] })
  })

  it('rotate: the new one signs, the old one stays valid until it is retired', async () => {
    await using issuer = await start()
    const oldToken = await issuer.issueToken('ann')
    await issuer.rotateKeys()
    const newToken = await issuer.issueToken('ann')
    expect(decodeProtectedHeader(newToken).kid).not.toBe(decodeProtectedHeader(oldToken).kid)
    await expect(verify(issuer, oldToken)).resolves.toBeDefined()
    await expect(verify(issuer, newToken)).resolves.toBeDefined()

    await issuer.retireOldKeys()
    await expect(verify(issuer, oldToken)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' })
    await expect(verify(issuer, newToken)).resolves.toBeDefined()
  })

  it('are all kept under concurrent rotations', async () => {
    await using issuer = await start()
    await Promise.all([issuer.rotateKeys(), issuer.rotateKeys()])
    expect(new Set(await publishedKids(issuer)).size).toBe(3)
  })
})

describe('the key file', () => {
  let folder = ''
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'issuer-'))))
  afterEach(() => rm(folder, { recursive: true }))

  it('keeps current and published keys over a restart, readable by its owner only', async () => {
    const keyFile = join(folder, 'keys.json')
    let port: number
    let issued: string[]
    {
      await using issuer = await start({ keyFile })
      port = issuer.port
      issued = [await issuer.issueToken('ann')]
      await issuer.rotateKeys()
      issued.push(await issuer.issueToken('ann'))
    }
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['keys.json'])

    await using again = await start({ keyFile, port })
    for (const token of issued) await expect(verify(again, token)).resolves.toBeDefined()
    expect(await publishedKids(again)).toEqual(issued.map(token => decodeProtectedHeader(token).kid).reverse())
    await again.retireOldKeys()
    expect(JSON.parse(await readFile(keyFile, 'utf8'))).toHaveLength(1)
  })

  it.each(['', 'null', '[]', '[{"kid":"k"}]', '[{"kid":"k","pem":"no pem"}]'])('is rejected as %j', async content => {
    const keyFile = join(folder, 'keys.json')
    await writeFile(keyFile, content)
    await expect(start({ keyFile })).rejects.toThrow()
    expect(await readFile(keyFile, 'utf8')).toBe(content)
  })
})

describe('POST /token', () => {
  it('issues a token to any caller', async () => {
    await using issuer = await start()
    const response = await requestToken(issuer, { subject: 'ann', roles: ['moderator'], ttlSeconds: 60 })
    expect(response.status).toBe(200)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('cache-control')).toBe('no-store')
    const body = (await response.json()) as { access_token: string }
    expect(body).toEqual({ access_token: anyString, token_type: 'Bearer', expires_in: 60 })
    const { payload } = await verify(issuer, body.access_token)
    expect(payload).toMatchObject({ sub: 'ann', roles: ['moderator'], exp: (payload.iat ?? 0) + 60 })
  })

  it('returns the lifetime if none was requested', async () => {
    await using issuer = await start()
    expect(await (await requestToken(issuer, { subject: 'ann' })).json()).toMatchObject({ expires_in: 3600 })
  })

  it.each<[string, unknown]>([
    ['nothing', ''],
    ['invalid JSON', '{'],
    ['null', null],
    ['a list', []],
    ['no subject', {}],
    ['an empty subject', { subject: '' }],
    ['a subject that is a number', { subject: 7 }],
    ['roles that are not a list', { subject: 'ann', roles: 'admin' }],
    ['a role that is not text', { subject: 'ann', roles: [1] }],
    ['a lifetime of zero', { subject: 'ann', ttlSeconds: 0 }],
    ['a textual lifetime', { subject: 'ann', ttlSeconds: '60' }],
    ['an unknown field', { subject: 'ann', claims: {} }],
    ['an endless body', 'x'.repeat(1_000_000)],
  ])('refuses %s', async (_, body) => {
    await using issuer = await start()
    const response = await requestToken(issuer, body)
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({ error: 'invalid_request', error_description: anyString })
  })
})

describe('the server', () => {
  it('serves its metadata', async () => {
    await using issuer = await start()
    const response = await fetch(`${issuer.issuer}/.well-known/openid-configuration`)
    expect(await response.json()).toMatchObject({
      issuer: issuer.issuer,
      jwks_uri: issuer.jwksUrl,
      token_endpoint: `${issuer.issuer}/token`,
    })
  })

  it('allows cross-origin requests', async () => {
    await using issuer = await start()
    const response = await fetch(`${issuer.issuer}/token`, { method: 'OPTIONS' })
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-methods')).toContain('POST')
  })

  it.each(['/', '/token', '/constructor', '/.well-known/jwks.json/'])('returns 404 for GET %s', async path => {
    await using issuer = await start()
    expect((await fetch(`${issuer.issuer}${path}`)).status).toBe(404)
  })

  it('rejects a port that is in use', async () => {
    await using issuer = await start()
    await expect(start({ port: issuer.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

describe('failure modes', () => {
  it('count every request for the keys, and recover', async () => {
    await using issuer = await start()
    expect(issuer.jwksRequestCount).toBe(0)
    issuer.setFailureMode('down')
    expect((await fetch(issuer.jwksUrl)).status).toBe(503)
    issuer.setFailureMode('garbage')
    await expect((await fetch(issuer.jwksUrl)).json()).rejects.toThrow()
    issuer.setFailureMode('none')
    await fetch(issuer.jwksUrl)
    await requestToken(issuer, { subject: 'ann' })
    expect(issuer.jwksRequestCount).toBe(3)
  })

  it('send a valid key set of ten megabytes', async () => {
    await using issuer = await start()
    issuer.setFailureMode('huge')
    const text = await (await fetch(issuer.jwksUrl)).text()
    expect(text.length).toBeGreaterThan(10_000_000)
    expect(JSON.parse(text)).toHaveProperty('keys.0.kty', 'RSA')
  })

  it('hang until the client disconnects or the issuer is closed', async () => {
    const issuer = await start()
    issuer.setFailureMode('hang')
    await expect(fetch(issuer.jwksUrl, { signal: AbortSignal.timeout(50) })).rejects.toThrow()
    const hanging = expect(fetch(issuer.jwksUrl)).rejects.toThrow()
    while (issuer.jwksRequestCount < 2) await new Promise(setImmediate)
    await issuer[Symbol.asyncDispose]()
    await issuer[Symbol.asyncDispose]()
    await hanging
  })
})
