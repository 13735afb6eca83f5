import { join } from 'node:path'
import { io, type Socket } from 'socket.io-client'
import { type Redis, startRedis } from '../../dev/processes/redis'
import { type PresenceTimings } from '../../kernel/platform/presence-store'
import { connectionsPerPersonMax } from '../../realtime/connection/connection-quota'
import { createTemporaryFolder } from '../dev/processes-fixture/create-temporary-folder'
import { waitUntil } from '../kernel/wait-until'
import { type Person } from '../person'
import { createTestApp, type TestApp } from '../test-app'
import { type ShortLeaseNode, startShortLeaseNode } from './short-lease-nodes'

const timings: PresenceTimings = { leaseMs: 600, refreshMs: 100, graceMs: 400, windowMs: 20 }
const full = { code: 'too_many_connections', status: 429, retryAfter: 5 }

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let redis: Redis
let testApp: TestApp
let first: ShortLeaseNode
let second: ShortLeaseNode
let ann: Person
let open: Socket[] = []
let people = 0
beforeAll(async () => {
  folder = await createTemporaryFolder()
  redis = await startRedis({ folder: join(folder.path, 'redis') })
  testApp = await createTestApp({ nodes: 1, variables: { REDIS_HOST: redis.host, REDIS_PORT: String(redis.port) } })
})
beforeEach(async () => {
  people += 1
  ann = await testApp.signIn(`ann${people}`)
  first = await startShortLeaseNode(testApp, timings)
  second = await startShortLeaseNode(testApp, timings)
})
afterEach(async () => {
  for (const socket of open) socket.disconnect()
  open = []
  for (const node of [first, second]) await node[Symbol.asyncDispose]()
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/** The result of connecting: 'connected', or the problem of the refusal. */
async function connect({ url }: ShortLeaseNode, { token }: Person = ann): Promise<unknown> {
  const socket = io(url, { auth: { token }, transports: ['websocket'], forceNew: true, reconnection: false })
  open.push(socket)
  return new Promise(resolve => {
    socket.on('connect', () => resolve('connected'))
    socket.on('connect_error', error => resolve('data' in error ? error.data : error.message))
  })
}

const connectAll = async (node: ShortLeaseNode, count: number) =>
  (await Promise.all(Array.from({ length: count }, () => connect(node)))).filter(outcome => outcome === 'connected')
    .length

const countConnections = async () =>
  Object.values(await first.app.redis.commands.hgetall(`connections:${ann.id}`)).reduce(
    (sum, count) => sum + Number(count),
    0,
  )

it('are at most ten over all nodes, and a closed one frees its slot', async () => {
  expect(await connectAll(first, 6)).toBe(6)
  expect(await connectAll(second, 4)).toBe(4)
  for (const node of [first, second]) expect(await connect(node)).toMatchObject(full)
  expect(await connect(first, await testApp.signIn('bob'))).toBe('connected')
  open[0]?.disconnect()
  await waitUntil(async () => (await countConnections()) === connectionsPerPersonMax - 1)
  expect(await connect(second)).toBe('connected')
  expect(await connect(first)).toMatchObject(full)
})

it('are at most ten under concurrent connects', async () => {
  const [here, there] = await Promise.all([connectAll(first, 15), connectAll(second, 15)])
  expect(here + there).toBe(connectionsPerPersonMax)
  for (const socket of open) socket.disconnect()
  await waitUntil(async () => (await countConnections()) === 0)
  expect(await connectAll(second, connectionsPerPersonMax)).toBe(connectionsPerPersonMax)
})

it('are released by transports that close before there is a socket', async () => {
  for (let round = 0; round < 30; round += 1) {
    const socket = io(first.url, {
      auth: { token: ann.token },
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
    })
    await new Promise<void>(resolve => socket.io.engine.once('open', () => setImmediate(resolve)))
    socket.io.engine.close()
  }
  await waitUntil(async () => (await countConnections()) === 0)
  expect(await connectAll(first, connectionsPerPersonMax)).toBe(connectionsPerPersonMax)
})

it('expire when their node dies', async () => {
  expect(await connectAll(first, 5)).toBe(5)
  expect(await connectAll(second, 5)).toBe(5)
  const { commands, publisher, subscriber } = second.app.redis
  for (const client of [commands, publisher, subscriber]) client.disconnect()
  await waitUntil(async () => (await connect(first)) === 'connected')
  await connectAll(first, 4)
  expect(await connect(first)).toMatchObject(full)
})

it('do not count on a draining node: ten clients move before their old connections close', async () => {
  expect(await connectAll(first, connectionsPerPersonMax)).toBe(connectionsPerPersonMax)
  expect(await connect(second)).toMatchObject(full)
  const moves = open.slice(0, connectionsPerPersonMax).map(
    socket =>
      new Promise<unknown>(resolve =>
        socket.once('connection.draining', () => {
          void connect(second).then(outcome => {
            socket.disconnect()
            resolve(outcome)
          })
        }),
      ),
  )
  await first[Symbol.asyncDispose]()
  for (const outcome of await Promise.all(moves)) expect(outcome).toBe('connected')
  first = await startShortLeaseNode(testApp, timings)
  expect(await connect(first)).toMatchObject(full)
})

it('are counted per node while Redis is away, and together again after it returns empty', async () => {
  expect(await connectAll(first, 4)).toBe(4)
  await redis.stop()
  await waitUntil(() => first.app.redis.commands.status !== 'ready' && second.app.redis.commands.status !== 'ready')
  expect(await connectAll(first, 10)).toBe(6)
  expect(await connect(first)).toMatchObject(full)
  expect(await connectAll(second, 3)).toBe(3)
  await redis.restart()
  await waitUntil(() => first.app.redis.commands.status === 'ready' && second.app.redis.commands.status === 'ready')
  await waitUntil(async () => (await countConnections()) === 13)
  expect(await connect(second)).toMatchObject(full)
  for (const socket of open.splice(0)) socket.disconnect()
  await waitUntil(async () => (await countConnections()) === 0)
  expect(await connect(second)).toBe('connected')
})
