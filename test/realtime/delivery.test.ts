import { announce, numbers } from '../announce'
import { makeTrack } from '../factories'
import { until } from '../kernel/until'
import { type Heard, type Person } from '../people'
import { freshWorld, type TestWorld } from '../world'

let world: TestWorld
let ann: Person
let bob: Person
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann', { node: 0 })
  bob = await world.person('bob', { node: 1 })
})
afterAll(() => world[Symbol.asyncDispose]())

const worldOf = (index: number) => world.nodes[index % world.nodes.length]?.world ?? world.world

describe('events', () => {
  it('reach followers on both nodes in one order, each exactly once, whoever causes them where', async () => {
    const channel = `track:${(await makeTrack(ann.id)).id}`
    const ears = await Promise.all([ann.hear(channel), bob.hear(channel)])
    const count = 60
    await Promise.all(numbers(0, count).map(n => announce(worldOf(n), channel, [n])))
    for (const ear of ears) {
      await until(() => ear.events.length >= count)
      expect(ear.events.map(({ offset }) => offset)).toEqual(numbers(1, count + 1))
      expect(ear.events.map(({ data }) => data.n).toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(0, count))
    }
    expect(ears[0].events).toEqual(ears[1].events)
  })

  it('of one transaction travel in one frame, in order', async () => {
    const channel = `track:${(await makeTrack(ann.id)).id}`
    const socket = await bob.socket()
    const frames: { epoch: string; events: Heard[] }[] = []
    await bob.hear(channel)
    socket.on('events', (frame: { channel: string; epoch: string; events: Heard[] }) => {
      if (frame.channel === channel) frames.push(frame)
    })
    await announce(world.world, channel, numbers(1, 61))
    await until(() => frames.length > 0)
    expect(frames).toHaveLength(1)
    expect(frames[0]?.events.map(({ data }) => data.n)).toEqual(numbers(1, 61))
    expect(frames[0]?.epoch).toMatch(/^[0-9a-z]+$/)
    expect(Object.keys(frames[0]?.events[0] ?? {}).sort()).toEqual(['at', 'data', 'id', 'name', 'offset'])
    expect(frames[0]?.events[0]?.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  it('of one transaction on several channels have one id, and a place in each', async () => {
    const channels = [`user:${ann.id}`, `track:${(await makeTrack(ann.id)).id}`]
    const [own, track] = [await ann.hear(channels[0] ?? ''), await bob.hear(channels[1] ?? '')]
    await announce(world.world, channels, [7])
    const [a, b] = [await own.first('test.counted'), await track.first('test.counted')]
    expect(a.id).toBe(b.id)
    expect(b.offset).toBe(1)
  })

  it('of a transaction that fails are not told, and leave no hole', async () => {
    const channel = `track:${(await makeTrack(ann.id)).id}`
    const ear = await bob.hear(channel)
    await announce(world.world, channel, [0])
    await expect(announce(world.world, channel, [1, -1])).rejects.toThrow()
    await announce(world.world, channel, [2])
    await until(() => ear.events.length === 2)
    expect(ear.events.map(({ offset, data }) => [offset, data.n])).toEqual([
      [1, 0],
      [2, 2],
    ])
  })
})

it('the shards are shared between the nodes, and all are held', async () => {
  const heldBy = async () =>
    (
      await world.world.db.query<{ shards: string }>(
        `select count(*) as shards from pg_locks where locktype = 'advisory' and granted and classid = 7283333
         and database = (select oid from pg_database where datname = current_database()) group by pid`,
      )
    ).map(({ shards }) => Number(shards))
  await until(async () => (await heldBy()).length === 2)
  await until(async () => (await heldBy()).every(shards => shards === 4))
})

it('what was handed on is forgotten', async () => {
  await announce(world.world, `user:${ann.id}`, numbers(0, 10))
  await until(async () => (await world.world.db.query('select from channel_pending')).length === 0)
})
