import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io, type Socket } from 'socket.io-client'
import { readConfig } from '../../kernel/platform/config'
import { createMetrics } from '../../kernel/platform/metrics'
import { type AdmissionGuard, guardAdmission } from '../../realtime/connection/guard-admission'
import { monitorEventLoopLag } from '../../realtime/connection/event-loop-lag'
import { testStack } from '../stack'
import { waitUntil } from '../kernel/wait-until'
import { RawSocket } from './raw-socket'

interface Transport extends AsyncDisposable {
  server: Server
  metrics: ReturnType<typeof createMetrics>
  admission: AdmissionGuard
  port: number
  /** A response to a Socket.IO request, by its query. */
  request(query: string, init?: RequestInit): Promise<Response>
}

const handshake = 'EIO=4&transport=polling'
const origin = 'https://tutti.example'
const lag = { ms: 0 }
const clients: Socket[] = []
afterEach(() => {
  lag.ms = 0
  for (const client of clients.splice(0)) client.disconnect()
})

async function open({ socketsMax = 1_000, handshakesMax = 1_000 } = {}): Promise<Transport> {
  const http = createServer()
  const server = new Server(http, { cors: { origin } })
  const metrics = createMetrics()
  const config = readConfig({ ...testStack().variables, SOCKETS_MAX: String(socketsMax), ALLOWED_ORIGINS: origin })
  const lagMonitor = { p99Ms: () => lag.ms, [Symbol.dispose]: () => undefined }
  const admission = guardAdmission({ config, metrics }, server, { lag: lagMonitor, handshakesMax })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  return {
    server,
    metrics,
    admission,
    port,
    request: (query, init) => fetch(`http://127.0.0.1:${port}/socket.io/?${query}`, init),
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections()
      await server.close()
    },
  }
}

function connect({ port }: Transport, transports: string[] = ['websocket']): Socket {
  const client = io(`http://127.0.0.1:${port}`, { transports, forceNew: true, reconnectionDelay: 50 })
  clients.push(client)
  return client
}

const refusedFor = async ({ metrics }: Transport): Promise<Record<string, number>> =>
  Object.fromEntries(
    (await metrics.handshakesRefused.get()).values.map(({ labels, value }) => [String(labels.reason), value]),
  )

describe('an overloaded node', () => {
  it('refuses new clients over long-polling with CORS headers and `retryAfter`', async () => {
    await using transport = await open()
    lag.ms = 101
    const response = await transport.request(handshake, { headers: { origin } })
    expect(response.status).toBe(503)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.get('access-control-allow-origin')).toBe(origin)
    const problem = (await response.json()) as { retryAfter: number }
    expect(problem).toMatchObject({ code: 'overloaded', status: 503, requestId: expect.any(String) as unknown })
    expect(Number(response.headers.get('retry-after'))).toBe(problem.retryAfter)
    expect(problem.retryAfter).toBeGreaterThanOrEqual(1)
    expect(problem.retryAfter).toBeLessThanOrEqual(5)
    expect(await refusedFor(transport)).toEqual({ event_loop_lag: 1 })
  })

  it('spreads `retryAfter` over seconds', async () => {
    await using transport = await open()
    lag.ms = 101
    const answers = await Promise.all(Array.from({ length: 40 }, () => transport.request(handshake)))
    expect(new Set(answers.map(({ headers }) => headers.get('retry-after'))).size).toBeGreaterThan(2)
  })

  it('refuses new clients over WebSocket before the upgrade', async () => {
    await using transport = await open()
    lag.ms = 101
    await using raw = await RawSocket.open(transport.port)
    expect(raw.statusLine).toBe('HTTP/1.1 503 Service Unavailable')
    await raw.untilClosed()
    expect(transport.server.engine.clientsCount).toBe(0)
  })

  it('keeps connected clients over both transports', async () => {
    await using transport = await open()
    const both = [connect(transport), connect(transport, ['polling'])]
    await waitUntil(() => both.every(({ connected }) => connected))
    lag.ms = 101
    transport.server.on('connection', () => expect('nobody').toBe('admitted'))
    const received = both.map(client => new Promise(resolve => client.once('hello', resolve)))
    transport.server.emit('hello', 1)
    expect(await Promise.all(received)).toEqual([1, 1])
    for (const client of both) client.emit('anything')
    expect(both.every(({ connected }) => connected)).toBe(true)
  })

  it('still lets a long-polling client upgrade', async () => {
    await using transport = await open()
    const client = connect(transport, ['polling', 'websocket'])
    await waitUntil(() => client.connected)
    lag.ms = 101
    await waitUntil(() => client.io.engine.transport.name === 'websocket')
  })

  it('accepts a plain client once it has recovered', async () => {
    await using transport = await open()
    lag.ms = 101
    const client = connect(transport)
    await waitUntil(async () => ((await refusedFor(transport)).event_loop_lag ?? 0) > 1)
    lag.ms = 100
    await waitUntil(() => client.connected)
  })
})

describe('a node', () => {
  it('refuses clients at its connection limit, until one disconnects', async () => {
    await using transport = await open({ socketsMax: 2 })
    const [one, other] = [connect(transport), connect(transport)]
    await waitUntil(() => one.connected && other.connected)
    expect((await transport.request(handshake)).status).toBe(503)
    expect(await refusedFor(transport)).toEqual({ connection_limit: 1 })
    one.disconnect()
    await waitUntil(() => transport.server.engine.clientsCount === 1)
    expect((await transport.request(handshake)).status).toBe(200)
  })

  it('limits the number of concurrent handshakes', async () => {
    await using transport = await open({ handshakesMax: 3 })
    const answers = await Promise.all(Array.from({ length: 5 }, () => transport.request(handshake)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 503, 503])
    expect(await refusedFor(transport)).toEqual({ handshake_limit: 2 })
    const [admitted] = answers.filter(({ status }) => status === 200)
    const { sid } = JSON.parse(((await admitted?.text()) ?? '').slice(1)) as { sid: string }
    await transport.request(`${handshake}&sid=${sid}`, { method: 'POST', body: '40' })
    await waitUntil(() => transport.server.sockets.sockets.size === 1)
    expect((await transport.request(handshake)).status).toBe(200)
  })

  it('refuses new clients while it drains', async () => {
    await using transport = await open()
    const client = connect(transport)
    await waitUntil(() => client.connected)
    transport.admission.refuseNewConnections()
    const response = await transport.request(handshake)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: 'node_draining', retryAfter: 1 })
    await using raw = await RawSocket.open(transport.port)
    expect(raw.statusLine).toBe('HTTP/1.1 503 Service Unavailable')
    expect(client.connected).toBe(true)
    expect(await refusedFor(transport)).toEqual({ draining: 2 })
  })
})

describe('a connection id that this node does not know', () => {
  it.each([
    ['GET', 'nowhere'],
    ['POST', 'nowhere'],
    ['GET', '&sid=__proto__'],
    ['GET', '&sid=toString'],
  ])('leads to a retry on another node: %s %s', async (method, sid) => {
    await using transport = await open()
    const response = await transport.request(`${handshake}&sid=${sid}`, { method })
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ code: 'not_found' })
  })

  it('leads to a retry on another node when it upgrades', async () => {
    await using transport = await open()
    await using raw = await RawSocket.open(transport.port, {}, 'EIO=4&transport=websocket&sid=nowhere')
    expect(raw.statusLine).toBe('HTTP/1.1 404 Not Found')
  })

  it('counts as absent if it is empty, whatever else the query holds', async () => {
    await using transport = await open()
    lag.ms = 101
    expect((await transport.request(`${handshake}&sid=`)).status).toBe(503)
    expect((await transport.request(`${handshake}&sid=x&sid=`)).status).toBe(503)
    expect((await transport.request(`${handshake}&sid=&sid=x`)).status).toBe(404)
  })
})

it('leaves preflights working', async () => {
  await using transport = await open()
  lag.ms = 101
  const headers = { origin, 'access-control-request-method': 'GET' }
  expect((await transport.request(handshake, { method: 'OPTIONS', headers })).status).toBe(204)
})

it('the event loop is overloaded when it is blocked repeatedly', async () => {
  using watch = monitorEventLoopLag()
  await waitUntil(() => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150)
    return watch.p99Ms() > 100
  })
})
