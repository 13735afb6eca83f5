import { createTestApp, type TestApp } from '../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const get = (path: string) => fetch(`${testApp.nodes[0]?.url ?? ''}${path}`)

describe.each(['/api/v1/docs', '/api/v1/docs/live'])('the page %s', path => {
  it('is served with all its assets from this server alone', async () => {
    const page = await get(path)
    expect(page.headers.get('content-type')).toContain('text/html')
    const references = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address ?? '')
    expect(references.length).toBeGreaterThan(4)
    for (const reference of references) {
      expect(reference).toMatch(/^\/api\/v1\//)
      expect((await get(reference)).status).toBe(200)
    }
  })

  it('allows only its own scripts, and no framing', async () => {
    const policy = (await get(path)).headers.get('content-security-policy')
    expect(policy).toContain("default-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/script-src|unsafe-eval/)
  })
})

it('the scripts of the pages can be parsed', async () => {
  for (const name of ['start.js', 'live.js']) {
    const script = await (await get(`/api/v1/docs/${name}`)).text()
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- it is not run, only read
    expect(() => new Function(script)).not.toThrow()
  }
})
