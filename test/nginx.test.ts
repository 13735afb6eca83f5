import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request as httpRequest, type RequestListener } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { io, type Socket } from 'socket.io-client'
import { findFreePort } from '../dev/processes/find-free-port'
import { startServer } from '../dev/processes/start-server'
import { supervise } from '../dev/processes/supervise'
import { findTool } from '../dev/processes/find-tool'
import { refusals } from '../kernel/pipeline/refusals'
import { type CatchUp } from '../kernel/events/frames'
import { addComment } from '../skills/interactions/add-comment'
import { getTrack } from '../skills/tracks/get-track'
import { getMe } from '../skills/user-profile/get-me'
import { emitNumbers } from './emit-numbers'
import { makeTrack } from './factories'
import { waitUntil } from './kernel/wait-until'
import { plainPng } from './make-pictures'
import { addPicture } from './skills/pictures/add-picture'
import { EventRecorder, Person, type Reply } from './person'
import { startNodeProcess } from './server/start-node-process'
import { EventReader } from './server/event-reader'
import { testStack } from './stack'
import { createTestApp, type TestApp } from './test-app'

const hostName = 'tutti.example'
let testApp: TestApp
let edge: Edge
const parts: AsyncDisposable[] = []
const clients: Socket[] = []

beforeAll(async () => {
  const bucketPort = await findFreePort()
  const variables = { TRUSTED_PROXIES: '1', S3_ENDPOINT: `http://127.0.0.1:${bucketPort}` }
  testApp = await createTestApp({ variables })
  parts.unshift(testApp)
  edge = await startEdge({ nodes: testApp.nodes.map(({ port }) => port), bucketPort })
  parts.unshift(edge)
})
afterEach(() => everybodyLeaves())
afterAll(async () => {
  for (const part of parts) await part[Symbol.asyncDispose]()
})

describe('the production configuration', () => {
  it('is valid for nginx', async () => {
    const logFile = `${edge.logFile}.check`
    const check = supervise(await findTool('nginx'), ['-t', ...edge.parameters], { name: 'nginx -t', logFile })
    expect(await check.exited).toEqual({ code: 0, signal: null })
    expect(await readFile(logFile, 'utf8')).toContain('test is successful')
  })

  it('serves our host over TLS and redirects plain HTTP to it', async () => {
    const secure = await requestRaw({ port: edge.ports.https, path: '/health/live', tls: { ca: edge.certificate } })
    expect(secure).toMatchObject({ status: 200, body: '{"status":"ok"}' })
    const redirect = await requestRaw({ port: edge.ports.http, path: '/api/v1/me?full=1' })
    expect(redirect).toMatchObject({ status: 308, headers: { location: `https://${hostName}/api/v1/me?full=1` } })
  })

  it('closes requests for another host without a response', async () => {
    const otherHost = { path: '/health/live', host: 'other.example' }
    await expect(requestRaw({ port: edge.ports.http, ...otherHost })).rejects.toThrow(/hang up|ECONNRESET/)
    await expect(requestRaw({ port: edge.ports.https, ...otherHost, tls: { ca: edge.certificate } })).rejects.toThrow(
      'unrecognized name',
    )
  })
})

describe('REST', () => {
  it('is forwarded with a request id from nginx', async () => {
    const ann = await signInThroughEdge('ann')
    const { data, headers } = await ann.request(getMe, {}, { headers: { 'x-request-id': 'chosen-by-the-client' } })
    expect(data).toMatchObject({ id: ann.id })
    expect(headers?.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/)
    expect(headers?.get('server')).toBe('nginx')
  })

  it('counts by the real IP address, whatever the client claims', async () => {
    const ann = await signInThroughEdge('ann')
    const track = await makeTrack(ann.id)
    const path = `/api/v1${getTrack.route.replace('GET ', '').replace(':trackId', track.id)}`
    const claims = { 'x-forwarded-for': '6.6.6.6', forwarded: 'for=6.6.6.6' }
    const isCounted = (address: string) =>
      testApp.app.redis.commands.exists(`limit:${getTrack.name}:network:${address}`)

    expect((await fetch(edge.url + path, { headers: claims })).status).toBe(200)
    expect([await isCounted('6.6.6.6'), await isCounted('127.0.0.1')]).toEqual([0, 1])
    // Without nginx the claim is trusted: no port of a node may be reachable.
    expect((await fetch(`${testApp.nodes[0]?.url ?? ''}${path}`, { headers: claims })).status).toBe(200)
    expect(await isCounted('6.6.6.6')).toBe(1)
  })

  it.each(['/metrics', '/health/ready', '/', '/health/live/', '/api'])('does not serve %s', async path => {
    const response = await fetch(edge.url + path)
    expect(response.status).toBe(404)
    expect(await problemOf(response)).toMatchObject({ code: refusals.unknownOperation.code })
  })

  it('lets a page load all of its pictures at once', async () => {
    const ann = await signInThroughEdge('ann')
    const { id } = await addPicture(testApp, ann, await plainPng())
    const path = `/api/v1/pictures/${id}/250.webp`
    const ways = await Promise.all(
      Array.from({ length: 150 }, () => fetch(edge.url + path, { redirect: 'manual' }).then(({ status }) => status)),
    )
    expect([...new Set(ways)]).toEqual([302])
    expect((await ann.request(getMe, {})).status).toBe(200)
  })

  it('refuses a body above the limit before it reaches a node', async () => {
    const response = await fetch(`${edge.url}/api/v1/me`, { method: 'POST', body: 'x'.repeat(64 * 1024 + 1) })
    expect(response.status).toBe(413)
    const { code, title } = refusals.bodyTooLarge
    expect(await problemOf(response)).toMatchObject({ code, title, status: 413 })
  })

  it('upgrades no connection', async () => {
    const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' }
    expect(await requestRaw({ port: edge.ports.plain, path: '/api/v1/me', headers })).toMatchObject({ status: 401 })
  })

  it('limits the request rate of one address', async () => {
    await using flooded = await startEdge({ nodes: testApp.nodes.map(({ port }) => port) })
    const calls = Array.from({ length: 120 }, () => fetch(`${flooded.url}/api/v1/tracks`))
    const refused = (await Promise.all(calls)).filter(({ status }) => status === 429)
    const [first] = refused
    if (first === undefined) throw new Error('no request was refused')
    expect(first.headers.get('retry-after')).toBe('1')
    const { code, title } = refusals.tooManyRequests
    expect(await problemOf(first)).toMatchObject({ code, title, status: 429 })
  })
})

describe('failing nodes', () => {
  it('are skipped', async () => {
    const [node] = testApp.nodes
    await using failing = await startEdge({ nodes: [await findFreePort(), node?.port ?? 0] })
    const answers = Array.from({ length: 10 }, () => fetch(`${failing.url}/health/live`))
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array<number>(10).fill(200))
  })

  it('receive a POST once and a GET at most twice', async () => {
    const seen: (string | undefined)[] = []
    const hangUp: RequestListener = request => {
      seen.push(request.method)
      request.socket.destroy()
    }
    await using one = await listenTo(hangUp)
    await using other = await listenTo(hangUp)
    await using broken = await startEdge({ nodes: [one.port, other.port] })

    const post = await fetch(`${broken.url}/api/v1/tracks`, { method: 'POST', body: '{}' })
    const get = await fetch(`${broken.url}/api/v1/tracks`)
    expect(seen).toEqual(['POST', 'GET', 'GET'])
    for (const response of [post, get]) {
      expect(response.status).toBe(503)
      const { code, title } = refusals.unavailable
      expect(await problemOf(response)).toMatchObject({ code, title, status: 503 })
      expect(response.headers.get('retry-after')).toBe('2')
    }
  })
})

describe('the events of a channel', () => {
  it('arrive live on any node, and continue after Last-Event-ID on the next one', async () => {
    const ann = await signInThroughEdge('ann')
    const channel = `user:${ann.id}`
    const url = `${edge.url}/api/v1/channels/${channel}/events`
    const first = await EventReader.open(url, ann.token)
    await first.waitFor('followed')
    for (const [index, { app: node }] of testApp.nodes.entries()) {
      await emitNumbers(node, channel, [index])
      await waitUntil(() => first.offsets.length === index + 1)
    }
    await first[Symbol.asyncDispose]()
    await emitNumbers(testApp.app, channel, [7])
    await using second = await EventReader.open(url, ann.token, { 'last-event-id': first.lastId ?? '' })
    await waitUntil(() => second.offsets.length === 1)
    expect(second.offsets).toEqual([(first.offsets.at(-1) ?? 0) + 1])
    expect(second.response.headers.get('cache-control')).toBe('no-store')
  })

  it('end a waiting long-poll', async () => {
    const ann = await signInThroughEdge('ann')
    const channel = `user:${ann.id}`
    const poll = async (query: string) => {
      const headers = { authorization: `Bearer ${ann.token}` }
      const response = await fetch(`${edge.url}/api/v1/channels/${channel}/events${query}`, { headers })
      return ((await response.json()) as { data: CatchUp }).data
    }
    const { epoch, latestOffset: top } = await poll('')
    const answer = poll(`?after=${epoch}:${top}&wait=25`)
    const isWaiting = async ({ app: { metrics } }: (typeof testApp.nodes)[number]) =>
      (await metrics.channelStreams.get()).values.some(
        ({ labels, value }) => labels.kind === 'long-poll' && value === 1,
      )
    await waitUntil(async () => (await Promise.all(testApp.nodes.map(isWaiting))).includes(true))
    await emitNumbers(testApp.app, channel, [1, 2])
    expect((await answer).events.map(({ offset }) => offset)).toEqual([top + 1, top + 2])
  })

  it('arrive while the stream is open', async () => {
    await using node = await listenTo((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('id: 1:1\n\n')
    })
    await using streaming = await startEdge({ nodes: [node.port] })
    const { body } = await fetch(`${streaming.url}/api/v1/channels/track:1/events`)
    const reader = body?.getReader()
    const first = await reader?.read()
    expect(Buffer.from(first?.value ?? []).toString()).toBe('id: 1:1\n\n')
    await reader?.cancel()
  })
})

describe('sockets', () => {
  const transportSets = { 'long-polling': ['polling'], WebSocket: ['websocket'], 'polling, then WebSocket': undefined }

  it.each(Object.entries(transportSets))('of 14 clients stay on their node over %s', async (_road, transports) => {
    const connected = await Promise.all(
      Array.from({ length: 14 }, (_, index) => connectTo(`fan${index}`, transports && { transports })),
    )
    const contacts = await socketsByNode()
    expect(sum(contacts)).toBe(14)
    expect(Math.min(...contacts)).toBeGreaterThan(0)

    if (transports === undefined) await Promise.all(connected.map(untilUpgraded))
    const replies = await Promise.all(connected.map(async client => callMe(client)))
    expect(new Set(replies).size).toBe(14)
    expect(connected.every(({ connected }) => connected)).toBe(true)
  })

  it('work for a client that sends no id', async () => {
    const client = await connectTo('ann', { transports: ['polling'], query: {} })
    expect(await callMe(client)).toBe((await signInThroughEdge('ann')).id)
  })

  it('over long-polling receive comments made on any node', async () => {
    const ann = await signInThroughEdge('ann')
    const track = await makeTrack(ann.id)
    const client = await connectTo('ann', { transports: ['polling'] })
    const channel = `track:${track.id}`
    const recorder = new EventRecorder(client, channel)
    const { error } = (await client.timeout(8_000).emitWithAck('channel.follow', { input: { channel } })) as Reply
    expect(error).toBeUndefined()
    for (const [index] of testApp.nodes.entries()) {
      const fan = await testApp.signIn(`fan${index}`, { node: index })
      const body = `from node ${index}`
      await fan.call(addComment, { trackId: track.id, body, positionMs: 0 })
      await recorder.waitFor('interactions.commentAdded', ({ comment }) => (comment as { body: string }).body === body)
    }
  })
})

describe('a node that refuses sockets', () => {
  it('refuses handshakes, which another node accepts, and long-polling clients stay on that one', async () => {
    let refused = 0
    let missed = 0
    await using full = await listenTo((request, response) => {
      const isNew = !(request.url ?? '').includes('sid=')
      if (isNew) refused += 1
      else missed += 1
      response.writeHead(isNew ? 503 : 404).end()
    })
    const [node] = testApp.nodes
    await using failing = await startEdge({ nodes: [full.port, node?.port ?? 0] })
    for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']])
      for (let index = 0; index < 6; index += 1) {
        const client = await connectTo(`fan${index}`, { transports }, failing.url)
        expect(await callMe(client)).toEqual(expect.any(String))
        expect(client.io.engine.transport.name).toBeDefined()
      }
    expect(refused).toBeGreaterThan(0)
    // Existing connections are looked up there too: a node that accepts no new ones keeps its own.
    expect(missed).toBeGreaterThan(refused)
    await everybodyLeaves()
  })

  it('because it drains under load moves all clients to another node; no call fails, and it exits with 0', async () => {
    const [node] = testApp.nodes
    if (node === undefined) throw new Error('no such node')
    const ann = await testApp.signIn('ann')
    await using leaves = await startNodeProcess({ ...testApp.variables, DRAIN_SECONDS: '2' })
    await using both = await startEdge({ nodes: [leaves.port, node.port] })
    const transportSets = [['websocket'], ['websocket'], ['polling'], ['polling', 'websocket']]
    const plainClients = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        connectTo(`fan${index}`, { transports: transportSets[index % 4] ?? [] }, both.url),
      ),
    )
    const moving = await Promise.all(
      Array.from({ length: 8 }, (_, index) => connectTo(`mover${index}`, wsOnly, both.url)),
    )
    const moved = moving.map(client => moveWhenTold(client, both.url))
    const fewer = async () => sum(await socketsByNode())
    expect(await fewer()).toBeLessThan(20)

    let isStopped = false
    const statuses = new Set<number>()
    const load = async () => {
      while (!isStopped) {
        const headers = { authorization: `Bearer ${ann.token}`, connection: 'close' }
        statuses.add((await fetch(`${both.url}/api/v1/me`, { headers })).status)
        await delay(120)
      }
    }
    const loading = load()
    const replies: unknown[] = []
    const calling = moved.map(async ({ call }) => {
      while (!isStopped) {
        replies.push(await call())
        await delay(100)
      }
    })
    leaves.signal('SIGTERM')
    expect(await leaves.exited).toEqual({ code: 0, signal: null })
    while ((await fewer()) < 20) await delay(20)
    isStopped = true
    await Promise.all([loading, ...calling])
    expect([...statuses]).toEqual([200])
    expect(replies.every(id => typeof id === 'string')).toBe(true)
    expect(moved.every(({ gaps }) => gaps() === 0)).toBe(true)
    expect(await Promise.all(plainClients.map(client => callMe(client)))).toHaveLength(12)
    await everybodyLeaves()
  }, 60_000)
})

describe('the bucket server of docker-compose', () => {
  it('accepts a presigned upload that is larger than any call', async () => {
    const body = Buffer.alloc(100 * 1024, 7)
    const sha256 = Buffer.from(await crypto.subtle.digest('SHA-256', body)).toString('base64')
    const key = `pending/${randomUUID()}`
    const file = { contentType: 'audio/mpeg', sizeBytes: body.length, sha256 }
    const { url, headers } = await testApp.app.storage.presignPut(key, file, 60)
    expect(new URL(url).port).toBe(String(edge.ports.bucket))
    const sent = await fetch(url, { method: 'PUT', body, headers })
    expect([sent.status, sent.headers.get('x-content-type-options')]).toEqual([200, 'nosniff'])
    expect(await testApp.app.storage.head(key)).toMatchObject({ sizeBytes: body.length, sha256 })
    await testApp.app.storage.delete(key)
  })
})

it('keeps an access log without queries', async () => {
  const secret = randomUUID()
  await fetch(`${edge.url}/health/live?token=${secret}`)
  const log = await readFile(edge.logFile, 'utf8')
  expect(log).toContain('"path":"/health/live"')
  expect(log).toContain('"path":"/socket.io/"')
  expect(log).not.toContain(secret)
  expect(log).not.toContain('nid=')
})

const signInThroughEdge = async (name: string) => Person.signIn(name, await testApp.issuer.issueToken(name), edge.url)

/** While the edge still runs: a long-polling client disconnects through it. */
async function everybodyLeaves(): Promise<void> {
  for (const client of clients.splice(0)) client.disconnect()
  while (sum(await socketsByNode()) > 0) await delay(10)
}

const wsOnly = { transports: ['websocket'] }

/** Opens a new connection before it closes the old one, like our client. */
function moveWhenTold(first: Socket, url: string) {
  let current = first
  let gaps = 0
  const pending = new Set<Promise<unknown>>()
  const watch = (socket: Socket) => {
    socket.on('disconnect', () => (gaps += current === socket ? 1 : 0))
    socket.once('connection.draining', async () => {
      const next = await connectTo('mover', wsOnly, url)
      current = next
      watch(next)
      await Promise.all(pending)
      socket.disconnect()
    })
  }
  watch(first)
  const call = async () => {
    const calling = callMe(current)
    pending.add(calling)
    return calling.finally(() => pending.delete(calling))
  }
  return { call, gaps: () => gaps }
}

async function connectTo(name: string, options: Parameters<typeof io>[1] = {}, url = edge.url): Promise<Socket> {
  const auth = { token: await testApp.issuer.issueToken(name) }
  const client = io(url, { auth, query: { nid: randomUUID() }, forceNew: true, ...options })
  clients.push(client)
  await new Promise<void>((accept, reject) => {
    client.once('connect', accept)
    client.once('connect_error', reject)
  })
  return client
}

async function untilUpgraded(client: Socket): Promise<void> {
  const { engine: pipeline } = client.io
  if (pipeline.transport.name !== 'websocket') await new Promise(done => pipeline.once('upgrade', done))
}

/** The profile id of a client, by a call over its socket. */
async function callMe(client: Socket): Promise<unknown> {
  const { data } = (await client.timeout(8_000).emitWithAck(getMe.name, { input: {} })) as { data?: { id: string } }
  return data?.id
}

const sum = (contacts: readonly number[]) => contacts.reduce((all, count) => all + count, 0)

const socketsByNode = async () =>
  Promise.all(testApp.nodes.map(async ({ app }) => (await app.metrics.sockets.get()).values[0]?.value ?? 0))

async function problemOf(response: Response): Promise<unknown> {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const problem = (await response.json()) as { requestId: string }
  expect(problem.requestId).toBe(response.headers.get('x-request-id'))
  return problem
}

interface RawRequest {
  port: number
  path: string
  host?: string
  headers?: Record<string, string>
  tls?: { ca: string }
}

/** A request with any host and port, which fetch does not allow. */
async function requestRaw({ port, path, host = hostName, headers = {}, tls }: RawRequest) {
  const target = { host: '127.0.0.1', port, path, headers: { host, ...headers }, agent: false as const }
  const request = tls === undefined ? httpRequest(target) : httpsRequest({ ...target, ...tls, servername: host })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return { status: response.statusCode, headers: response.headers, body }
}

async function listenTo(listener: RequestListener): Promise<AsyncDisposable & { port: number }> {
  const port = await findFreePort()
  const server = createServer(listener).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
}

interface Edge extends AsyncDisposable {
  /** Our host over plain HTTP, because test clients do not trust our certificate. */
  url: string
  ports: Ports
  certificate: string
  logFile: string
  /** Makes nginx use this configuration. */
  parameters: string[]
}

interface Ports {
  plain: number
  http: number
  https: number
  bucket: number
}

/** nginx with the real files of `nginx/`, with only ports, nodes, names and folders replaced. */
async function startEdge(options: { nodes: readonly number[]; bucketPort?: number }): Promise<Edge> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-nginx-'))
  const ports = {
    plain: await findFreePort(),
    http: await findFreePort(),
    https: await findFreePort(),
    bucket: options.bucketPort ?? (await findFreePort()),
  }
  const certificate = await arrange(folder, ports, options.nodes)
  const nginx = await findTool('nginx', line => console.log(line))
  const logFile = join(folder, 'nginx.log')
  const parameters = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr']
  const server = await startServer({
    name: 'nginx',
    port: ports.plain,
    logFile,
    launch: async () => supervise(nginx, parameters, { name: 'nginx', logFile }),
    isReady: async (port, pid) => (await readPid(folder)) === pid && answers(port),
  }).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true })
    throw error
  })
  return {
    url: `http://127.0.0.1:${ports.plain}`,
    ports,
    certificate,
    logFile,
    parameters,
    [Symbol.asyncDispose]: async () => {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const source = resolve(__dirname, '..', 'nginx')

async function arrange(folder: string, ports: Ports, nodes: readonly number[]): Promise<string> {
  for (const name of ['site', 'extra', 'certificates']) await mkdir(join(folder, name))
  for (const name of ['http.conf', 'upstreams.conf', 'locations.conf', 'proxy.conf'])
    await symlink(join(source, name), join(folder, name))

  const put = async (name: string, change: (text: string) => string) =>
    writeFile(join(folder, name), change(await readFile(join(source, name), 'utf8')))
  await put('nginx.conf', text =>
    replaced(text, { 'worker_processes auto;': directives, 'http {': inPlain(ports.plain) }),
  )
  await put('servers.conf', text => moved(text, { 80: ports.http, 443: ports.https }))
  const bucketServer = new URL(testStack().variables.S3_ENDPOINT ?? '').host
  await put('extra/bucket.conf', text => replaced(moved(text, { 9000: ports.bucket }), { 'rustfs:9000': bucketServer }))
  const lines = nodes.map(port => `server 127.0.0.1:${port} max_fails=2 fail_timeout=5s;\n`)
  await writeFile(join(folder, 'site', 'nodes.conf'), lines.join(''))
  await symlink(join(source, 'site', 'names.conf'), join(folder, 'site', 'names.conf'))
  return makeCertificate(join(folder, 'certificates'))
}

const directives = 'worker_processes 2;\ndaemon off;\npid nginx.pid;'

const inPlain = (port: number) => `http {
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path temp-${kind};`).join('\n    ')}
    server { listen 127.0.0.1:${port}; include locations.conf; }`

function replaced(text: string, changes: Record<string, string>): string {
  return Object.entries(changes).reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`${from} is not in the configuration any more`)
    return changed.replace(from, to)
  }, text)
}

/** The same servers on private ports of 127.0.0.1. */
const moved = (text: string, ports: Record<number, number>) =>
  Object.entries(ports).reduce(
    (changed, [from, to]) => changed.replaceAll(new RegExp(`listen ${from}\\b`, 'g'), `listen 127.0.0.1:${to}`),
    text.replaceAll(/^ *listen \[::\].*$/gm, ''),
  )

async function makeCertificate(folder: string): Promise<string> {
  const [key, certificate] = [join(folder, 'privkey.pem'), join(folder, 'fullchain.pem')]
  const options = [
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    `/CN=${hostName}`,
    '-addext',
    `subjectAltName=DNS:${hostName}`,
  ]
  await promisify(execFile)('openssl', ['req', '-x509', '-days', '2', ...options, '-keyout', key, '-out', certificate])
  return readFile(certificate, 'utf8')
}

const readPid = (folder: string) => readFile(join(folder, 'nginx.pid'), 'utf8').then(Number, () => undefined)

async function answers(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
