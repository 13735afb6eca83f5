import { newId } from '../../kernel/ids'
import { catchUpEventsMax, channelsPerSocketMax } from '../../kernel/protocol'
import { type Problem } from '../../kernel/refusals'
import { type CatchUp } from '../../kernel/stream'
import { followRate } from '../../realtime/flood'
import { caughtBytesMax } from '../../realtime/log/catch-up'
import { announce, numbers } from '../announce'
import { makeTrack } from '../factories'
import { until } from '../kernel/until'
import { type Person } from '../people'
import { freshWorld, type TestWorld } from '../world'

interface Outcome {
  data?: CatchUp
  error?: Problem
}

let world: TestWorld
let ann: Person
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann', { node: 0 })
})
afterAll(() => world[Symbol.asyncDispose]())

const ask = async (person: Person, input: unknown) =>
  (await (await person.socket()).timeout(5_000).emitWithAck('channel.followAll', { input })) as {
    data?: { followed: Outcome[] }
    error?: Problem
  }
const followAll = async (person: Person, channels: unknown) => (await ask(person, { channels })).data?.followed ?? []

const tracks = (count: number) =>
  Promise.all(Array.from({ length: count }, async () => `track:${(await makeTrack(ann.id)).id}`))

it('answers for each channel as a follow does, in the order asked, and lets all of them be heard', async () => {
  const bob = await world.person('bob', { node: 1 })
  const [one = '', other = ''] = await tracks(2)
  await announce(world.world, one, numbers(1, 4))
  const { epoch } = await world.world.channels.position(one)
  const followed = await followAll(bob, [{ channel: one, after: { epoch, offset: 1 } }, { channel: other }])
  expect(followed).toMatchObject([
    { data: { channel: one, epoch, top: 3, recovered: true, more: false, state: { counts: {} } } },
    { data: { channel: other, epoch, top: 0, recovered: false, events: [] } },
  ])
  expect(followed[0]?.data?.events.map(({ offset }) => offset)).toEqual([2, 3])
  const ear = await bob.hear(other)
  await announce(world.world, other, [1])
  await ear.first('test.counted')
})

it('refuses what may not be followed without harm to the others', async () => {
  const eve = await world.person('eve', { node: 1 })
  const hidden = `track:${(await makeTrack(ann.id, { visibility: 'private' })).id}`
  const [open = ''] = await tracks(1)
  const asked = [hidden, `user:${ann.id}`, open, `track:${newId(new Date())}`, `spaceship:${newId(new Date())}`]
  const followed = await followAll(
    eve,
    asked.map(channel => ({ channel })),
  )
  expect(followed.map(({ data, error }) => error?.code ?? data?.channel)).toEqual([
    'not_found',
    'forbidden',
    open,
    'not_found',
    'not_found',
  ])
})

it('takes nothing, the same twice, and no more than a socket may follow', async () => {
  const dan = await world.person('dan', { node: 0 })
  const own = { channel: `user:${dan.id}` }
  expect(await followAll(dan, [])).toEqual([])
  expect(await followAll(dan, [own, own])).toMatchObject([{ data: own }, { data: own }])
  for (const channels of [undefined, own, Array(channelsPerSocketMax + 1).fill(own), [{}], ['user']])
    expect(await ask(dan, { channels })).toMatchObject({ error: { status: 400, code: 'invalid_input' } })

  const many = (await tracks(channelsPerSocketMax)).map(channel => ({ channel }))
  world.clock.advance(60_000)
  const refused = (await followAll(dan, many)).flatMap(({ error }) => error ?? [])
  // Its own channel is one of them.
  expect(refused).toHaveLength(1)
  expect(refused[0]).toMatchObject({ status: 409, code: 'too_many_channels' })
})

it('counts each channel as a follow, all or none', async () => {
  const fay = await world.person('fay', { node: 0 })
  const wishes = Array.from({ length: 50 }, () => ({ channel: `user:${fay.id}` }))
  const held = world.clock.hold()
  const asking = Promise.all([1, 2, 3].map(() => ask(fay, { channels: wishes })))
  const asked = await asking.finally(() => held[Symbol.dispose]())
  expect(followRate.burst).toBe(120)
  expect(asked.map(({ data, error }) => data?.followed.length ?? error?.code)).toEqual([50, 50, 'too_many_requests'])
})

it('keeps the whole answer small enough to be taken in one go; each channel brings something, and says that there is more', async () => {
  const gil = await world.person('gil', { node: 1 })
  const channels = await tracks(4)
  const top = 400
  await announce(world.world, channels, numbers(1, top + 1))
  // What is not handed on yet comes later, as live frames.
  const { channelCache } = world.world
  for (const channel of channels) await until(async () => (await channelCache.position(channel))?.offset === top)
  const { epoch } = await world.world.channels.position(channels[0] ?? '')
  const followed = await followAll(
    gil,
    channels.map(channel => ({ channel, after: { epoch, offset: 0 } })),
  )
  expect(JSON.stringify(followed).length).toBeLessThan(caughtBytesMax + 4_096)
  for (const { data } of followed) {
    expect(data).toMatchObject({ recovered: true, more: true, top })
    expect(data?.events.map(({ offset }) => offset)).toEqual(numbers(1, (data?.events.length ?? 0) + 1))
    expect(data?.events.length).toBeGreaterThan(0)
    expect(data?.events.length).toBeLessThan(catchUpEventsMax)
  }
})
