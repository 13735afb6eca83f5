import { notesRegistry, notesTable } from '../kernel/notes'
import { type TestKernel, createTestKernel } from '../kernel/test-kernel'

let kernel: TestKernel
let url: string
beforeAll(async () => {
  kernel = await createTestKernel({ registry: notesRegistry, tables: notesTable })
  url = (await kernel.startWeb()).url
})
afterAll(() => kernel[Symbol.asyncDispose]())

const ours = 'https://tutti.example'

describe('every response', () => {
  it.each(['/api/v1/me', '/nowhere', '/health/live', '/metrics', '/socket.io/?EIO=4&transport=polling'])(
    'carries the security headers of an API without pages: %s',
    async path => {
      const { headers } = await fetch(url + path)
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('strict-transport-security')).toBe('max-age=63072000; includeSubDomains')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('cross-origin-resource-policy')).toBe('same-site')
      expect(headers.get('x-powered-by')).toBeNull()
      expect(headers.get('set-cookie')).toBeNull()
    },
  )

  it('of the API is never cached', async () => {
    for (const path of ['/api/v1/me', '/api/v1/nowhere', '/api/v1/seldom'])
      expect((await fetch(url + path)).headers.get('cache-control')).toBe('no-store')
  })
})

describe('a page of another origin', () => {
  const from = (origin: string, path = '/api/v1/seldom') => fetch(url + path, { headers: { origin } })

  it('may read responses if it is allowed', async () => {
    const { headers } = await from(ours)
    expect(headers.get('access-control-allow-origin')).toBe(ours)
    expect(headers.get('access-control-allow-credentials')).toBeNull()
    expect(headers.get('access-control-expose-headers')).toBe('ETag,Idempotent-Replayed,Retry-After,X-Request-Id')
    expect(headers.get('vary')).toContain('Origin')
  })

  it('may read refusals too', async () => {
    expect((await from(ours, '/api/v1/nowhere')).headers.get('access-control-allow-origin')).toBe(ours)
  })

  it.each([
    'https://evil.example',
    'https://tutti.example.evil.example',
    'http://tutti.example',
    'null',
    'https://tutti.example:8443',
  ])('may not if it is %s', async origin => {
    const { headers } = await from(origin)
    expect(headers.get('access-control-allow-origin')).toBeNull()
    expect(headers.get('vary')).toContain('Origin')
  })

  it('is told by the preflight what it may send', async () => {
    const preflight = (origin: string) =>
      fetch(`${url}/api/v1/notes`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
      })
    const { status, headers } = await preflight(ours)
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe(ours)
    expect(headers.get('access-control-allow-methods')).toBe('GET,PUT,POST,PATCH,DELETE')
    expect(headers.get('access-control-allow-headers')).toBe(
      'Authorization,Content-Type,Idempotency-Key,If-Match,Last-Event-ID,X-Request-Id,X-Track-Secret',
    )
    expect(headers.get('access-control-max-age')).toBe('600')
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('the IP address of the caller', () => {
  it('is not taken from a header of the caller', async () => {
    const statuses: number[] = []
    for (let index = 0; index < 6; index += 1)
      statuses.push(
        (await fetch(`${url}/api/v1/seldom`, { headers: { 'x-forwarded-for': `203.0.113.${index}` } })).status,
      )
    expect(statuses.slice(-2)).toEqual([429, 429])
  })

  it('is what the trusted proxy saw, whatever precedes it', async () => {
    await using behind = await createTestKernel({ registry: notesRegistry, variables: { TRUSTED_PROXIES: '1' } })
    const { url: at } = await behind.startWeb()
    const from = async (forwarded: string) =>
      (await fetch(`${at}/api/v1/seldom`, { headers: { 'x-forwarded-for': forwarded } })).status
    for (let index = 0; index < 3; index += 1) expect(await from(`6.6.6.${index}, 203.0.113.1`)).toBe(200)
    expect(await from('6.6.6.9, 203.0.113.1')).toBe(429)
    expect(await from('203.0.113.2')).toBe(200)
  })
})
