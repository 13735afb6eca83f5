import { io } from 'socket.io-client'
import { frameBytesMax } from '../../realtime/gateway'
import { waitUntil } from '../kernel/wait-until'
import { createTestApp, type TestApp } from '../test-app'
import { RawSocket } from './raw-socket'

let testApp: TestApp
let url: string
let port: number
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
  const [node] = testApp.nodes
  if (node === undefined) throw new Error('no node')
  url = node.url
  port = node.port
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** The result of a handshake: 'connected', or the problem of the refusal. */
function handshake(options: Parameters<typeof io>[1]): Promise<unknown> {
  const socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false, ...options })
  return new Promise(resolve => {
    socket.on('connect', () => resolve('connected'))
    socket.on('connect_error', error => resolve('data' in error ? error.data : error.message))
  }).finally(() => socket.disconnect())
}

const problem = (status: number, code: string) => ({
  type: `urn:tutti:problem:${code}`,
  title: expect.any(String) as unknown,
  status,
  code,
  requestId: expect.any(String) as unknown,
})

describe('a handshake', () => {
  it('is accepted with a valid token', async () => {
    expect(await handshake({ auth: { token: await testApp.issuer.issueToken('ann') } })).toBe('connected')
  })

  it.each([
    ['no auth', undefined],
    ['no token', {}],
  ])('with %s is refused', async (_what, auth) => {
    expect(await handshake(auth === undefined ? {} : { auth })).toEqual(problem(401, 'not_signed_in'))
  })

  it.each([['garbage'], [''], [7], [null], [{}], [['a']], ['x'.repeat(20_000)]])(
    'with the token %p is refused',
    async token => {
      expect(await handshake({ auth: { token } })).toEqual(problem(401, 'token_invalid'))
    },
  )

  it('with an expired token is refused as expired', async () => {
    const token = await testApp.issuer.issueToken('ann', { ttlSeconds: -60 })
    expect(await handshake({ auth: { token } })).toEqual(problem(401, 'token_expired'))
  })

  it('with its token in the query or a header is refused', async () => {
    const token = await testApp.issuer.issueToken('ann')
    expect(await handshake({ query: { token } })).toMatchObject({ code: 'not_signed_in' })
    expect(await handshake({ extraHeaders: { authorization: `Bearer ${token}` } })).toMatchObject({
      code: 'not_signed_in',
    })
  })

  it('to another namespace is refused', async () => {
    await using socket = await RawSocket.open(port)
    socket.send(`40/admin,${JSON.stringify({ token: await testApp.issuer.issueToken('ann') })}`)
    expect(await socket.waitFor(text => text.startsWith('44'))).toContain('Invalid namespace')
  })
})

describe('an origin (S01)', () => {
  const ours = 'https://tutti.example'
  const otherOrigins = [
    'https://evil.example',
    'null',
    'https://tutti.example.evil.example',
    'HTTPS://TUTTI.EXAMPLE',
    'http://tutti.example',
    '',
  ]

  it('of an allowed page may connect, and so may a program without one', async () => {
    for (const headers of [{ origin: ours }, {}] as Record<string, string>[]) {
      await using socket = await RawSocket.open(port, headers)
      expect(socket.statusLine).toContain('101')
      expect((await fetch(`${url}/socket.io/?EIO=4&transport=polling`, { headers })).status).toBe(200)
    }
  })

  it.each(otherOrigins)('that is not allowed is refused: %j', async origin => {
    await using socket = await RawSocket.open(port, { origin })
    expect(socket.statusLine).toContain('403')
    const polled = await fetch(`${url}/socket.io/?EIO=4&transport=polling`, { headers: { origin } })
    expect(await polled.json()).toEqual(problem(403, 'origin_not_allowed'))
    expect(polled.status).toBe(403)
    expect(polled.headers.get('access-control-allow-origin')).not.toBe(origin)
  })
})

it.each([
  ['an unknown transport', 'EIO=4&transport=carrier-pigeon', 0],
  ['an old protocol', 'EIO=3&transport=polling', 5],
])('%s is refused (S02)', async (_what, query, code) => {
  const response = await fetch(`${url}/socket.io/?${query}`)
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ code })
})

it.each(['abc', '__proto__', 'toString'])('an unknown connection id %s is refused (S02)', async sid => {
  const response = await fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=${sid}`)
  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({ code: 'not_found' })
})

describe('a transport', () => {
  it('carries one socket: CONNECTs to other namespaces close it (S09)', async () => {
    const ann = await testApp.signIn('ann')
    const neighbour = await ann.socket()
    const connected = async () => (await testApp.app.metrics.sockets.get()).values[0]?.value ?? 0
    const closedFlooding = async () =>
      (await testApp.app.metrics.socketRateLimits.get()).values.find(({ labels }) => labels.outcome === 'closed')
        ?.value ?? 0
    const [before, floods] = [await connected(), await closedFlooding()]
    await using socket = await RawSocket.open(port)
    const connect = `40${JSON.stringify({ token: ann.token })}`
    for (let index = 0; index < 1_000; index += 1) socket.send(connect)
    const refused = await socket.waitFor(text => text.startsWith('44'))
    expect((JSON.parse(refused.slice(2)) as { data: unknown }).data).toEqual({
      ...problem(429, 'too_many_messages'),
      retryAfter: expect.any(Number) as unknown,
    })
    await socket.untilClosed()
    expect(socket.received.filter(text => text.startsWith('40')).length).toBeLessThanOrEqual(1)
    await waitUntil(async () => (await connected()) <= before)
    expect(neighbour.connected).toBe(true)
    expect(await closedFlooding()).toBe(floods + 1)
  })

  it('is closed with a reason after a second CONNECT on one connection (S09)', async () => {
    await using socket = await RawSocket.connect(port, await testApp.issuer.issueToken('ann'))
    socket.send('40')
    expect(await socket.waitFor(text => text.startsWith('44'))).toContain('"too_many_messages"')
    await socket.untilClosed()
  })

  it('is closed and counted if it does not authenticate in time; one that does stays open', async () => {
    const { metrics } = testApp.app
    const countSilent = async () =>
      (await metrics.handshakesRefused.get()).values.find(({ labels }) => labels.reason === 'no_connect')?.value ?? 0
    const before = await countSilent()
    await using one = await RawSocket.connect(port, await testApp.issuer.issueToken('ann'))
    await using other = await RawSocket.open(port)
    await other.untilClosed()
    await waitUntil(async () => (await countSilent()) > before)
    one.send('421["user-profile.getMe",{}]')
    expect(await one.waitFor(text => text.startsWith('431['))).toContain('data')
  })

  it('is closed by a frame over the size limit, and accepts one below it (S03)', async () => {
    const leftByError = async () =>
      (await testApp.app.metrics.socketDisconnects.get()).values.find(
        ({ labels }) => labels.reason === 'transport error',
      )?.value ?? 0
    const before = await leftByError()
    const token = await testApp.issuer.issueToken('ann')
    await using socket = await RawSocket.connect(port, token)
    const start = '421["user-profile.getMe",{"input":{"x":"'
    const padded = (bytes: number) => `${start}${'x'.repeat(bytes - start.length - 4)}"}}]`
    socket.send(padded(frameBytesMax))
    expect(await socket.waitFor(text => text.startsWith('431'))).toContain('invalid_input')
    socket.send(padded(frameBytesMax + 1))
    await socket.untilClosed()
    expect(socket.closeCode).toBe(1009)
    await waitUntil(async () => (await leftByError()) > before)
  })

  it('rejects a polling body over the size limit (S03)', async () => {
    const opened = await (await fetch(`${url}/socket.io/?EIO=4&transport=polling`)).text()
    const { sid } = JSON.parse(opened.slice(1)) as { sid: string }
    const post = (body: string | Buffer, type = 'text/plain;charset=UTF-8') =>
      fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, {
        method: 'POST',
        body,
        headers: { 'content-type': type },
      })
    expect((await post(`4${'x'.repeat(frameBytesMax)}`)).status).toBe(413)
  })
})
