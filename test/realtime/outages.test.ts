import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Redis as RedisClient } from 'ioredis'
import { type Redis, startRedis } from '../../dev/processes/redis'
import { likeTrack } from '../../skills/interactions/like-track'
import { unlikeTrack } from '../../skills/interactions/unlike-track'
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
  const track = await makeTrack(ann.id)
  const ears = [await ann.hear(`track:${track.id}`), await bob.hear(`track:${track.id}`)]
  let changes = 0
  const change = async (times: number) => {
    for (let index = 0; index < times; index += 1) {
      await bob.call(changes % 2 === 0 ? likeTrack : unlikeTrack, { trackId: track.id })
      changes += 1
    }
  }
  return { ears, change }
}

/** All changes so far were heard on both nodes, in order, each once. */
async function expectAll(ears: readonly Ear[], changes: number): Promise<void> {
  const expected = Array.from({ length: changes }, (_, index) => index)
  for (const ear of ears) {
    await until(() => ear.events.length >= changes)
    const revs = ear.events.map(({ data }) => (data.counts as { rev: number }).rev)
    expect(revs.map(rev => rev - (revs[0] ?? 0))).toEqual(expected)
  }
}

describe('without Redis', () => {
  it('events arrive all the same, and after its return too, in order and once', async () => {
    const { ears, change } = await stage()
    await change(2)
    await redis.stop()
    await change(4)
    await expectAll(ears, 6)
    await redis.restart()
    await change(4)
    await expectAll(ears, 10)
    for (const { world: node } of world.nodes) await until(() => node.redis.subscriber.status === 'ready')
    await change(2)
    await expectAll(ears, 12)
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

describe('the leader among the relays', () => {
  const leaders = () =>
    world.world.db.query<{ pid: number }>(
      `select pid from pg_locks where locktype = 'advisory' and granted and objid = 7283332
       and database = (select oid from pg_database where datname = current_database())`,
    )

  it('is one, and when its session is cut another follows and nothing is lost', async () => {
    const { ears, change } = await stage()
    let total = 0
    for (let round = 0; round < 3; round += 1) {
      await until(async () => (await leaders()).length === 1)
      const [before] = await leaders()
      const writing = change(4)
      await world.world.db.query('select pg_terminate_backend(:pid)', { pid: before?.pid })
      await writing
      total += 4
      await expectAll(ears, total)
      await until(async () => (await leaders()).some(({ pid }) => pid !== before?.pid))
    }
  })

  it('does not matter when every session of the database is cut at once', async () => {
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
  await until(() => ears.every(ear => ear.events.length >= 2))
  expect((await ann.socket()).connected).toBe(true)
})
