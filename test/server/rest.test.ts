import { gzipSync } from 'node:zlib'
import { findFreePort } from '../../dev/processes/find-free-port'
import { bodyBytesMax } from '../../server/express-app'
import { failureSwitches, notesRegistry, notesTable } from '../kernel/notes'
import { type TestKernel, createTestKernel } from '../kernel/test-kernel'

let kernel: TestKernel
let url: string
let token: string
beforeAll(async () => {
  kernel = await createTestKernel({ registry: notesRegistry, tables: notesTable })
  url = `${(await kernel.startWeb()).url}/api/v1`
  token = await kernel.issuer.issueToken('ann')
})
afterAll(() => kernel[Symbol.asyncDispose]())

interface Sent extends RequestInit {
  headers?: Record<string, string>
}

async function send(method: string, path: string, { headers = {}, ...more }: Sent = {}) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...more,
  })
  const text = await response.text()
  const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
  return { status: response.status, headers: response.headers, body }
}

const json = { 'content-type': 'application/json' }
const post = (body: RequestInit['body'], headers: Record<string, string> = json) =>
  send('POST', '/notes', { body: body ?? null, headers })
const noteCount = async () => (await kernel.sql('select id from notes')).length

/** Every refusal is a problem object with the logged request id, and no further details. */
function expectProblem({ status, headers, body }: Awaited<ReturnType<typeof send>>, expected: [number, string]): void {
  expect([status, body.code]).toEqual(expected)
  expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
  expect(body).toMatchObject({
    type: `urn:tutti:problem:${expected[1]}`,
    status,
    requestId: headers.get('x-request-id'),
  })
  expect(headers.get('cache-control')).toBe('no-store')
  expect(JSON.stringify(body)).not.toMatch(/stack|node_modules|select |\.ts:/i)
}

describe('a body', () => {
  it.each([
    ['that is not JSON', '{"body":', 400, 'malformed_json'],
    ['with a trailing comma', '{"body":"a",}', 400, 'malformed_json'],
    ['that is only a string', '"text"', 400, 'invalid_input'],
    ['that is only a number', '7', 400, 'invalid_input'],
    ['that is null', 'null', 400, 'invalid_input'],
    ['that is a list', '[]', 400, 'invalid_input'],
    ['that is empty', '', 400, 'invalid_input'],
    ['that is deeply nested', `{"body":${'['.repeat(15_000)}${']'.repeat(15_000)}}`, 400, 'invalid_input'],
    ['with a __proto__', '{"body":"a","__proto__":{"polluted":1}}', 400, 'invalid_input'],
    ['with a constructor', '{"body":"a","constructor":{"prototype":{"polluted":1}}}', 400, 'invalid_input'],
    ['with a NUL', '{"body":"a\\u0000b"}', 400, 'invalid_input'],
    ['with a lone surrogate', '{"body":"a\\ud800b"}', 400, 'invalid_input'],
    ['with an operator as a value', '{"body":{"$gt":""}}', 400, 'invalid_input'],
  ])('%s is rejected', async (_what, body, status, code) => {
    const before = await noteCount()
    expectProblem(await post(body), [status, code])
    expect(await noteCount()).toBe(before)
    expect('polluted' in {}).toBe(false)
  })

  it('may not set fields of the server, and every such field is named', async () => {
    const answer = await post(JSON.stringify({ body: 'a', owner: 'x', id: 'x', rev: 9, createdAt: 'x' }))
    expectProblem(answer, [400, 'invalid_input'])
    expect(
      (answer.body.errors as { path: string; code: string }[]).map(({ path, code }) => `${path} ${code}`).sort(),
    ).toEqual(['createdAt unknown_field', 'id unknown_field', 'owner unknown_field', 'rev unknown_field'])
  })

  it.each([
    ['no Content-Type', {}],
    ['another Content-Type', { 'content-type': 'text/plain' }],
    ['the Content-Type of a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['a multipart Content-Type', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['a charset other than Unicode', { 'content-type': 'application/json; charset=latin1' }],
    ['an unknown Content-Encoding', { ...json, 'content-encoding': 'x-secret' }],
  ])('with %s is rejected', async (_what, headers) => {
    expectProblem(await post(Buffer.from('{"body":"a"}'), headers), [415, 'unsupported_media_type'])
  })

  it('over the size limit is rejected, compressed or not', async () => {
    const large = JSON.stringify({ body: 'x'.repeat(bodyBytesMax) })
    expectProblem(await post(large), [413, 'payload_too_large'])
    const bomb = gzipSync(Buffer.alloc(10_000_000, 'x'))
    expect(bomb.length).toBeLessThan(bodyBytesMax)
    expectProblem(await post(bomb, { ...json, 'content-encoding': 'gzip' }), [413, 'payload_too_large'])
  })

  it('may be compressed, and one that cannot be decompressed is a client error', async () => {
    const packed = gzipSync('{"body":"packed"}')
    expect(await post(packed, { ...json, 'content-encoding': 'gzip' })).toMatchObject({ status: 201 })
    expectProblem(await post('{"body":"a"}', { ...json, 'content-encoding': 'gzip' }), [400, 'malformed_json'])
    expectProblem(await post(packed.subarray(0, 20), { ...json, 'content-encoding': 'gzip' }), [400, 'malformed_json'])
  })
})

describe('a path', () => {
  it.each([
    ['/notes/%00', 'PATCH', 400, 'invalid_input'],
    ['/notes/%E0%A4%A', 'PATCH', 400, 'invalid_input'],
    ['/notes/%E0', 'PATCH', 400, 'invalid_input'],
    ["/notes/'%20or%201=1", 'PATCH', 400, 'invalid_input'],
    ['/notes/..%2f..%2fetc', 'PATCH', 400, 'invalid_input'],
    ['/nowhere', 'GET', 404, 'unknown_operation'],
    ['/nowhere/<script>', 'POST', 404, 'unknown_operation'],
    ['/notes/a/b/c', 'DELETE', 404, 'unknown_operation'],
  ])('%s with %s is refused as JSON', async (path, method, status, code) => {
    const answer = await send(method, path, { headers: json, ...(method === 'GET' ? {} : { body: '{}' }) })
    expectProblem(answer, [status, code])
    expect(JSON.stringify(answer.body)).not.toContain('script')
  })

  it('that accepts other methods lists them', async () => {
    const answer = await send('PUT', '/notes', { headers: json, body: '{}' })
    expectProblem(answer, [405, 'method_not_allowed'])
    expect(answer.headers.get('allow')?.split(', ').sort()).toEqual(['DELETE', 'GET', 'POST'])
    expectProblem(await send('PATCH', '/seldom'), [405, 'method_not_allowed'])
  })

  it('is not overridden by a header', async () => {
    const answer = await post('{"body":"a"}', { ...json, 'x-http-method-override': 'DELETE' })
    expect(answer.status).toBe(201)
  })

  it.each([
    'limit=1&limit=2',
    'limit[gt]=1',
    'limit=1e9',
    'limit=1e1',
    'limit=-1',
    'limit=0.5',
    'limit=',
    'limit=%00',
    '__proto__=1',
    'x=1',
  ])('with the query %s is rejected', async query => {
    expectProblem(await send('GET', `/notes?${query}`), [400, 'invalid_input'])
  })

  it('reads numbers from its query', async () => {
    expect(await send('GET', '/notes?limit=1')).toMatchObject({ status: 200, body: { page: {} } })
  })
})

describe('a revision', () => {
  it('is returned as an ETag and accepted as If-Match', async () => {
    const made = await post('{"body":"first"}')
    expect(made.headers.get('etag')).toBe('"1"')
    const { id } = made.body.data as { id: string }
    const edit = (body: string, headers: Record<string, string> = {}) =>
      send('PATCH', `/notes/${id}`, { headers: { ...json, ...headers }, body: JSON.stringify({ body }) })
    const second = await edit('second', { 'if-match': '"1"' })
    expect([second.status, second.headers.get('etag')]).toEqual([200, '"2"'])
    const stale = await edit('third', { 'if-match': '"1"' })
    expectProblem(stale, [409, 'stale_revision'])
    expect(stale.body.current).toMatchObject({ body: 'second', rev: 2 })
    // A compressing proxy weakens the tag.
    expect((await edit('third', { 'if-match': 'W/"2"' })).headers.get('etag')).toBe('"3"')
    expect((await edit('fourth', { 'if-match': '*' })).status).toBe(200)
    expect((await edit('fifth')).status).toBe(200)
    for (const typo of ['3', '"x"', '"1", "2"', '""'])
      expectProblem(await edit('lost', { 'if-match': typo }), [400, 'invalid_input'])
    expectProblem(await edit('lost', { 'if-match': '"1"' }), [409, 'stale_revision'])
  })
})

describe('an Idempotency-Key', () => {
  it('replays the same response, marked as replayed', async () => {
    const keyed = { ...json, 'idempotency-key': 'k-1' }
    const first = await post('{"body":"keyed"}', keyed)
    const again = await post(' { "body" : "keyed" } ', keyed)
    expect([first.status, again.status]).toEqual([201, 201])
    expect(again.body).toEqual(first.body)
    expect([first, again].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true'])
    expectProblem(await post('{"body":"other"}', keyed), [422, 'idempotency_key_reused'])
  })

  it('that is too long or empty is rejected', async () => {
    for (const key of ['k'.repeat(256), ''])
      expectProblem(await post('{"body":"a"}', { ...json, 'idempotency-key': key }), [400, 'invalid_input'])
    expect((await post('{"body":"a"}', { ...json, 'idempotency-key': 'k'.repeat(255) })).status).toBe(201)
  })
})

describe('a request id', () => {
  it('is taken from the proxy, and generated if it is missing or unfit for the log', async () => {
    const idOf = async (requestId: string) =>
      (await send('GET', '/notes', { headers: { 'x-request-id': requestId } })).headers.get('x-request-id')
    expect(await idOf('abc-12345678')).toBe('abc-12345678')
    for (const unfit of ['short', 'x'.repeat(65), 'with space in it', '{"json":1}'])
      expect(await idOf(unfit)).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('authentication', () => {
  it.each([
    ['nothing', {}, 'not_signed_in', 'Bearer'],
    ['another scheme', { authorization: 'Basic YTpi' }, 'token_invalid', 'Bearer error="invalid_token"'],
    ['no token', { authorization: 'Bearer' }, 'token_invalid', 'Bearer error="invalid_token"'],
    ['two tokens', { authorization: 'Bearer a b' }, 'token_invalid', 'Bearer error="invalid_token"'],
  ])('is required when the header has %s', async (_what, headers, code, challenge) => {
    const response = await fetch(`${url}/me`, { headers: headers as Record<string, string> })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe(challenge)
    expect(await response.json()).toMatchObject({ code })
  })

  it('is not read from the query', async () => {
    const response = await fetch(`${url}/me?access_token=${token}`)
    expect(await response.json()).toMatchObject({ code: 'not_signed_in' })
  })

  it('is unavailable while the auth server is away', async () => {
    await using lost = await createTestKernel({
      registry: notesRegistry,
      variables: { AUTH_SERVER_JWKS_URL: `http://127.0.0.1:${await findFreePort()}/jwks` },
    })
    const { url: at } = await lost.startWeb()
    const headers = { authorization: `Bearer ${await lost.issuer.issueToken('ann')}` }
    const response = await fetch(`${at}/api/v1/me`, { headers })
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
    expect(await response.json()).toMatchObject({ code: 'auth_unavailable', retryAfter: 5 })
  })
})

it('a server error returns only a request id, and the process continues', async () => {
  failureSwitches.duringAdd = () => Promise.reject(new TypeError('select s3cr3t from notes'))
  const answer = await post('{"body":"a"}')
  failureSwitches.duringAdd = async () => undefined
  expectProblem(answer, [500, 'internal_error'])
  expect(Object.keys(answer.body).sort()).toEqual(['code', 'requestId', 'status', 'title', 'type'])
  expect((await post('{"body":"a"}')).status).toBe(201)
})
