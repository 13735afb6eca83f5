import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis as RedisClient } from 'ioredis'
import { type Redis, startRedis } from '../../dev/processes/redis'
import { announce, numbers } from '../announce'
import { makeTrack } from '../factories'
import { privateFolder } from '../dev/processes-fixture/private-folder'
import { until } from '../kernel/until'
import { type Ear, type Person } from '../people'
import { freshWorld, type TestWorld } from '../world'

let folder: Awaited<ReturnType<typeof privateFolder>>
let redis: Redis
let world: TestWorld
let ann: Person
let bob: Person
const unheard: unknown[] = []
const onUnheard = (error: unknown) => void unheard.push(error)

beforeAll(async () => {
  for (const event of ['unhandledRejection', 'uncaughtException']) process.on(event, onUnheard)
  folder = await privateFolder()
  redis = await startRedis({ folder: join(folder.path, 'redis') })
  world = await freshWorld({ variables: { REDIS_HOST: redis.host, REDIS_PORT: String(redis.port) } })
  ann = await world.person('ann', { node: 0 })
  bob = await world.person('bob', { node: 1 })
})
afterEach(() => expect(unheard).toEqual([]))
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
  for (const event of ['unhandledRejection', 'uncaughtException']) process.off(event, onUnheard)
})

/** A track, and an ear on either node. */
async function stage() {
  const channel = `track:${(await makeTrack(ann.id)).id}`
  const ears = [await ann.hear(channel), await bob.hear(channel)]
  let announced = 0
  const change = async (times: number) => {
    for (let index = 0; index < times; index += 1) {
      const { world: node } = world.nodes[index % world.nodes.length] ?? world
      await announce(node, channel, [(announced += 1)])
    }
  }
  return { ears, change }
}

/** Seconds, as a node says it to whoever watches. */
const oldestOf = async ({ world: node }: TestWorld['nodes'][number]): Promise<number> =>
  (await node.metrics.pendingAge.get()).values[0]?.value ?? 0

/** All events so far were heard on both nodes, in order, each once. */
async function expectAll(ears: readonly Ear[], count: number): Promise<void> {
  for (const ear of ears) {
    await until(() => ear.events.length >= count)
    expect(ear.events.map(({ offset }) => offset)).toEqual(numbers(1, count + 1))
    expect(ear.events.map(({ data }) => data.n)).toEqual(numbers(1, count + 1))
  }
}

describe('without Redis', () => {
  it('events arrive all the same, and after its return too, in order and once', async () => {
    const { ears, change } = await stage()
    await change(2)
    await redis.stop()
    await change(4)
    await expectAll(ears, 6)
    const waitingFor = async () => Math.max(...(await Promise.all(world.nodes.map(oldestOf))))
    await until(async () => (await waitingFor()) > 1.5)
    await redis.restart()
    await until(async () => (await waitingFor()) === 0)
    await change(4)
    await expectAll(ears, 10)
    for (const { world: node } of world.nodes) await until(() => node.redis.subscriber.status === 'ready')
    await change(2)
    await expectAll(ears, 12)
  })

  it('relays overlap where one has lost its place with an append on the way, and each event is told once', async () => {
    const stages = [await stage(), await stage(), await stage(), await stage()]
    const control = new RedisClient(redis.url)
    const repeats = async () => {
      const counts = await Promise.all(world.nodes.map(({ world: node }) => node.metrics.relayRepeats.get()))
      return counts.reduce((sum, { values }) => sum + (values[0]?.value ?? 0), 0)
    }
    const before = await repeats()
    let said = 0
    const all = async (times: number) => {
      for (const { change } of stages) await change(times)
      said += times
    }
    // Whether the relay has its append on the way just then is up to the machine: again until it had.
    while ((await repeats()) === before) {
      // So long that a relay gives up its append, which Redis carries out all the same, and its successor asks for the same.
      await control.call('client', 'pause', '1200', 'write')
      await all(3)
      await pause(150)
      await world.world.db.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'tutti-relay' and datname = current_database()`,
      )
      for (const { ears } of stages) await expectAll(ears, said)
      await pause(1_200)
    }
    await all(2)
    for (const { ears } of stages) await expectAll(ears, said)
    control.disconnect()
  })

  it('whose connections are cut again and again loses nothing', async () => {
    const { ears, change } = await stage()
    const killer = new RedisClient(redis.url)
    const cut = async () => {
      for (const kind of ['pubsub', 'normal']) await killer.call('client', 'kill', 'type', kind, 'skipme', 'yes')
    }
    for (let round = 0; round < 4; round += 1) {
      await Promise.all([cut(), change(3)])
    }
    await expectAll(ears, 12)
    killer.disconnect()
  })
})

describe('the relays', () => {
  const seats = () =>
    world.world.db.query<{ pid: number }>(
      `select distinct pid from pg_locks where locktype = 'advisory' and granted and classid = 7283333
       and database = (select oid from pg_database where datname = current_database())`,
    )

  it('lose nothing when the session of one is cut, again and again', async () => {
    const { ears, change } = await stage()
    let total = 0
    for (let round = 0; round < 3; round += 1) {
      await until(async () => (await seats()).length === 2)
      const [before] = await seats()
      const writing = change(4)
      await world.world.db.query('select pg_terminate_backend(:pid)', { pid: before?.pid })
      await writing
      total += 4
      await expectAll(ears, total)
      await until(async () => !(await seats()).some(({ pid }) => pid === before?.pid))
    }
  })

  it('may all be cut at once', async () => {
    const { ears, change } = await stage()
    await change(2)
    await expectAll(ears, 2)
    await world.world.db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tutti-relay' and datname = current_database()`,
    )
    await change(2)
    await expectAll(ears, 4)
  })
})

it('a channel whose copy in Redis was wiped is read from PostgreSQL, at the same offsets', async () => {
  const { ears, change } = await stage()
  await change(3)
  await expectAll(ears, 3)
  const wiper = new RedisClient(redis.url)
  await wiper.flushall()
  wiper.disconnect()
  await change(3)
  await expectAll(ears, 6)
})

it('what others publish on the channels between nodes harms nobody', async () => {
  const { ears, change } = await stage()
  const publisher = new RedisClient(redis.url)
  const prefix = world.variables.REDIS_PREFIX ?? ''
  const channels = ['io#/#', `io#/#track:x#`, 'io-request#/#', 'io-response#/#', 'wake']
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
  await change(2)
  await expectAll(ears, 2)
  expect((await ann.socket()).connected).toBe(true)
})
