import { connect } from 'node:net'
import { notesRegistry, notesTable } from '../kernel/notes'
import { type TestKernel, createTestKernel } from '../kernel/test-kernel'

let kernel: TestKernel
let port: number
beforeAll(async () => {
  kernel = await createTestKernel({ registry: notesRegistry, tables: notesTable })
  port = (await kernel.startWeb()).port
})
afterAll(() => kernel[Symbol.asyncDispose]())

/** The response to these bytes, until the server closes the connection. */
function send(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let response = ''
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(bytes))
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => (response += chunk))
    socket.on('close', () => resolve(response))
    socket.on('error', reject)
  })
}

const statuses = (response: string) => [...response.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(match => match[1])
const smuggled = 'GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
const start = 'POST /api/v1/notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'

// Request smuggling: a proxy in front might see one request where we see two.
it.each([
  [
    'a Content-Length and chunks',
    `${start}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  ['two Content-Lengths', `${start}Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}${smuggled}`],
  ['a space before the colon', `${start}Content-Length : 2\r\n\r\n{}${smuggled}`],
  ['lines that end with only LF', `GET /health/live HTTP/1.1\nHost: x\n\n${smuggled}`],
  ['an unknown transfer encoding', `${start}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`],
  ['a negative Content-Length', `${start}Content-Length: -1\r\n\r\n${smuggled}`],
  ['a folded header', `${start}X-A: b\r\n c\r\nContent-Length: nine\r\n\r\n${smuggled}`],
  ['no Host header', `GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n${smuggled}`],
])('%s is refused, and no request after it is served', async (_what, bytes) => {
  expect(statuses(await send(bytes))).toEqual(['400'])
})

it('headers over 16 KB are refused', async () => {
  const response = await send(
    `GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${'x'.repeat(20_000)}\r\n\r\n`,
  )
  expect(statuses(response)).toEqual(['431'])
})

it.each([
  ['TRACE', '/api/v1/notes', '405'],
  ['TRACE', '/api/v1/nowhere', '404'],
  ['PROPFIND', '/api/v1/notes', '405'],
])('%s %s is refused as JSON that echoes nothing', async (method, path, status) => {
  const response = await send(`${method} ${path} HTTP/1.1\r\nHost: x\r\nX-Secret: s3cr3t\r\nConnection: close\r\n\r\n`)
  expect(statuses(response)).toEqual([status])
  expect(response).toContain('application/problem+json')
  expect(response).not.toContain('s3cr3t')
})

it('CONNECT opens no tunnel', async () => {
  expect(await send('CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n')).not.toContain('200')
})

it('HEAD responds like GET, without a body', async () => {
  const response = await send('HEAD /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  expect(statuses(response)).toEqual(['200'])
  expect(response.endsWith('\r\n\r\n')).toBe(true)
})
