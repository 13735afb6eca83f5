import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis as RedisClient } from 'ioredis'
import { type Redis, startRedis } from '../../dev/processes/redis'
import { emitNumbers, numberRange } from '../emit-numbers'
import { makeTrack } from '../factories'
import { createTemporaryFolder } from '../dev/processes-fixture/create-temporary-folder'
import { waitUntil } from '../kernel/wait-until'
import { type EventRecorder, type Person } from '../person'
import { createTestApp, type TestApp } from '../test-app'

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let redis: Redis
let testApp: TestApp
let ann: Person
let bob: Person
const unhandled: unknown[] = []
const onUnhandled = (error: unknown) => void unhandled.push(error)

beforeAll(async () => {
  for (const event of ['unhandledRejection', 'uncaughtException']) process.on(event, onUnhandled)
  folder = await createTemporaryFolder()
  redis = await startRedis({ folder: join(folder.path, 'redis') })
  testApp = await createTestApp({ variables: { REDIS_HOST: redis.host, REDIS_PORT: String(redis.port) } })
  ann = await testApp.signIn('ann', { node: 0 })
  bob = await testApp.signIn('bob', { node: 1 })
})
afterEach(() => expect(unhandled).toEqual([]))
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
  for (const event of ['unhandledRejection', 'uncaughtException']) process.off(event, onUnhandled)
})

/** A track, and an event recorder on each node. */
async function startChannel() {
  const channel = `track:${(await makeTrack(ann.id)).id}`
  const recorders = [await ann.recordEvents(channel), await bob.recordEvents(channel)]
  let emitted = 0
  const emit = async (count: number) => {
    for (let index = 0; index < count; index += 1) {
      const { app: node } = testApp.nodes[index % testApp.nodes.length] ?? testApp
      await emitNumbers(node, channel, [(emitted += 1)])
    }
  }
  return { recorders, emit }
}

/** In seconds, as the metrics of a node report it. */
const oldestOf = async ({ app: node }: TestApp['nodes'][number]): Promise<number> =>
  (await node.metrics.pendingAge.get()).values[0]?.value ?? 0

/** Expects all events so far on both nodes, in order, each once. */
async function expectAll(recorders: readonly EventRecorder[], count: number): Promise<void> {
  for (const recorder of recorders) {
    await waitUntil(() => recorder.events.length >= count)
    expect(recorder.events.map(({ offset }) => offset)).toEqual(numberRange(1, count + 1))
    expect(recorder.events.map(({ data }) => data.n)).toEqual(numberRange(1, count + 1))
  }
}

describe('without Redis', () => {
  it('events arrive in order and once, also after its return', async () => {
    const { recorders, emit } = await startChannel()
    await emit(2)
    await redis.stop()
    await emit(4)
    await expectAll(recorders, 6)
    const waitingFor = async () => Math.max(...(await Promise.all(testApp.nodes.map(oldestOf))))
    await waitUntil(async () => (await waitingFor()) > 1.5)
    await redis.restart()
    await waitUntil(async () => (await waitingFor()) === 0)
    await emit(4)
    await expectAll(recorders, 10)
    for (const { app: node } of testApp.nodes) await waitUntil(() => node.redis.subscriber.status === 'ready')
    await emit(2)
    await expectAll(recorders, 12)
  })

  it('each event is delivered once although relays overlap after one lost its lease during an append', async () => {
    const channelStages = [await startChannel(), await startChannel(), await startChannel(), await startChannel()]
    const control = new RedisClient(redis.url)
    const repeats = async () => {
      const counts = await Promise.all(testApp.nodes.map(({ app: node }) => node.metrics.relayDuplicates.get()))
      return counts.reduce((sum, { values }) => sum + (values[0]?.value ?? 0), 0)
    }
    const before = await repeats()
    let emittedCount = 0
    const emitOnAll = async (count: number) => {
      for (const { emit } of channelStages) await emit(count)
      emittedCount += count
    }
    // Whether the append is in flight at that moment depends on the machine: repeat until it was.
    while ((await repeats()) === before) {
      // Long enough that a relay gives up its append, which Redis still executes, and its successor repeats it.
      await control.call('client', 'pause', '1200', 'write')
      await emitOnAll(3)
      await pause(150)
      await testApp.app.db.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'tutti-relay' and datname = current_database()`,
      )
      for (const { recorders } of channelStages) await expectAll(recorders, emittedCount)
      await pause(1_200)
    }
    await emitOnAll(2)
    for (const { recorders } of channelStages) await expectAll(recorders, emittedCount)
    control.disconnect()
  })

  it('loses nothing when its connections are cut repeatedly', async () => {
    const { recorders, emit } = await startChannel()
    const killer = new RedisClient(redis.url)
    const killClients = async () => {
      for (const kind of ['pubsub', 'normal']) await killer.call('client', 'kill', 'type', kind, 'skipme', 'yes')
    }
    for (let round = 0; round < 4; round += 1) {
      await Promise.all([killClients(), emit(3)])
    }
    await expectAll(recorders, 12)
    killer.disconnect()
  })
})

describe('the relays', () => {
  const relayConnections = () =>
    testApp.app.db.query<{ pid: number }>(
      `select distinct pid from pg_locks where locktype = 'advisory' and granted and classid = 7283333
       and database = (select oid from pg_database where datname = current_database())`,
    )

  it('lose nothing when the connection of one is cut repeatedly', async () => {
    const { recorders, emit } = await startChannel()
    let total = 0
    for (let round = 0; round < 3; round += 1) {
      await waitUntil(async () => (await relayConnections()).length === 2)
      const [before] = await relayConnections()
      const writing = emit(4)
      await testApp.app.db.query('select pg_terminate_backend(:pid)', { pid: before?.pid })
      await writing
      total += 4
      await expectAll(recorders, total)
      await waitUntil(async () => !(await relayConnections()).some(({ pid }) => pid === before?.pid))
    }
  })

  it('recover when all are cut at once', async () => {
    const { recorders, emit } = await startChannel()
    await emit(2)
    await expectAll(recorders, 2)
    await testApp.app.db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tutti-relay' and datname = current_database()`,
    )
    await emit(2)
    await expectAll(recorders, 4)
  })
})

it('a channel whose cache in Redis was wiped is read from PostgreSQL, at the same offsets', async () => {
  const { recorders, emit } = await startChannel()
  await emit(3)
  await expectAll(recorders, 3)
  const wiper = new RedisClient(redis.url)
  await wiper.flushall()
  wiper.disconnect()
  await emit(3)
  await expectAll(recorders, 6)
})

it('foreign messages on the channels between nodes are harmless', async () => {
  const { recorders, emit } = await startChannel()
  const publisher = new RedisClient(redis.url)
  const prefix = testApp.variables.REDIS_PREFIX ?? ''
  const channels = ['io#/#', `io#/#track:x#`, 'io-request#/#', 'io-response#/#', 'log-notify']
  const messages = [
    ...['', '{', 'null', '[]', '{}', '7', '"x"', '{"type":"x"}', '{"type":4,"opts":null}', '{"type":5}'],
    ...[
      '{"type":6,"data":null}',
      '{"type":6,"requestId":1,"data":7}',
      '{"type":7}',
      '{"type":8,"requestId":"x"}',
      '{"requestId":null}',
    ],
    // msgpack: nil, a short array, an array that promises more, a map that ends, [1, {nsp: "/"}, nil]
    ...['c0', '93c0c0c0', 'dfffffffff', '81', '9301', '930181a36e7370a12fc0'].map(hex => Buffer.from(hex, 'hex')),
    ...Array.from({ length: 30 }, () => randomBytes(40)),
  ]
  for (const channel of channels)
    for (const message of messages) expect(await publisher.publish(`${prefix}:${channel}`, message)).toBeGreaterThan(0)
  publisher.disconnect()
  await emit(2)
  await expectAll(recorders, 2)
  expect((await ann.socket()).connected).toBe(true)
})
