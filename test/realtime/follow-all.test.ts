import { newId } from '../../kernel/pipeline/new-id'
import { catchUpEventsMax, channelsPerSocketMax } from '../../kernel/events/protocol'
import { type Problem } from '../../kernel/pipeline/refusals'
import { type CatchUp } from '../../kernel/events/frames'
import { followRate } from '../../realtime/connection/call-rate-limit'
import { catchUpBytesMax } from '../../realtime/log/catch-up'
import { emitNumbers, numberRange } from '../emit-numbers'
import { makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { type Person } from '../person'
import { createTestApp, type TestApp } from '../test-app'

interface Outcome {
  data?: CatchUp
  error?: Problem
}

let testApp: TestApp
let ann: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann', { node: 0 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const call = async (person: Person, input: unknown) =>
  (await (await person.socket()).timeout(5_000).emitWithAck('channel.followAll', { input })) as {
    data?: { followed: Outcome[] }
    error?: Problem
  }
const followAll = async (person: Person, channels: unknown) => (await call(person, { channels })).data?.followed ?? []

const tracks = (count: number) =>
  Promise.all(Array.from({ length: count }, async () => `track:${(await makeTrack(ann.id)).id}`))

it('replies per channel as channel.follow does, in the order requested, and joins all of them', async () => {
  const bob = await testApp.signIn('bob', { node: 1 })
  const [one = '', other = ''] = await tracks(2)
  await emitNumbers(testApp.app, one, numberRange(1, 4))
  const { epoch } = await testApp.app.channelLog.position(one)
  const followed = await followAll(bob, [{ channel: one, after: { epoch, offset: 1 } }, { channel: other }])
  expect(followed).toMatchObject([
    { data: { channel: one, epoch, latestOffset: 3, recovered: true, hasMore: false, state: { counts: {} } } },
    { data: { channel: other, epoch, latestOffset: 0, recovered: false, events: [] } },
  ])
  expect(followed[0]?.data?.events.map(({ offset }) => offset)).toEqual([2, 3])
  const recorder = await bob.recordEvents(other)
  await emitNumbers(testApp.app, other, [1])
  await recorder.waitFor('test.numberEmitted')
})

it('refuses forbidden channels without affecting the others', async () => {
  const eve = await testApp.signIn('eve', { node: 1 })
  const privateChannel = `track:${(await makeTrack(ann.id, { visibility: 'private' })).id}`
  const [open = ''] = await tracks(1)
  const requested = [
    privateChannel,
    `user:${ann.id}`,
    open,
    `track:${newId(new Date())}`,
    `spaceship:${newId(new Date())}`,
  ]
  const followed = await followAll(
    eve,
    requested.map(channel => ({ channel })),
  )
  expect(followed.map(({ data, error }) => error?.code ?? data?.channel)).toEqual([
    'not_found',
    'forbidden',
    open,
    'not_found',
    'not_found',
  ])
})

it('rejects an empty list, repeats, and more than a socket may follow', async () => {
  const dan = await testApp.signIn('dan', { node: 0 })
  const ownChannel = { channel: `user:${dan.id}` }
  expect(await followAll(dan, [])).toEqual([])
  expect(await followAll(dan, [ownChannel, ownChannel])).toMatchObject([{ data: ownChannel }, { data: ownChannel }])
  for (const channels of [undefined, ownChannel, Array(channelsPerSocketMax + 1).fill(ownChannel), [{}], ['user']])
    expect(await call(dan, { channels })).toMatchObject({ error: { status: 400, code: 'invalid_input' } })

  const many = (await tracks(channelsPerSocketMax)).map(channel => ({ channel }))
  testApp.clock.advance(60_000)
  const refused = (await followAll(dan, many)).flatMap(({ error }) => error ?? [])
  // One of them is the viewer's own channel.
  expect(refused).toHaveLength(1)
  expect(refused[0]).toMatchObject({ status: 409, code: 'too_many_channels' })
})

it('counts each channel as a follow, all or none', async () => {
  const fay = await testApp.signIn('fay', { node: 0 })
  const requests = Array.from({ length: 50 }, () => ({ channel: `user:${fay.id}` }))
  const frozenClock = testApp.clock.freeze()
  const calling = Promise.all([1, 2, 3].map(() => call(fay, { channels: requests })))
  const requested = await calling.finally(() => frozenClock[Symbol.dispose]())
  expect(followRate.burst).toBe(120)
  expect(requested.map(({ data, error }) => data?.followed.length ?? error?.code)).toEqual([
    50,
    50,
    'too_many_requests',
  ])
})

it('limits the size of the whole reply; each channel returns some events and reports that there are more', async () => {
  const gil = await testApp.signIn('gil', { node: 1 })
  const channels = await tracks(4)
  const top = 400
  await emitNumbers(testApp.app, channels, numberRange(1, top + 1))
  // Events that are not relayed yet arrive later, as live frames.
  const { channelCache } = testApp.app
  for (const channel of channels) await waitUntil(async () => (await channelCache.position(channel))?.offset === top)
  const { epoch } = await testApp.app.channelLog.position(channels[0] ?? '')
  const followed = await followAll(
    gil,
    channels.map(channel => ({ channel, after: { epoch, offset: 0 } })),
  )
  expect(JSON.stringify(followed).length).toBeLessThan(catchUpBytesMax + 4_096)
  for (const { data } of followed) {
    expect(data).toMatchObject({ recovered: true, hasMore: true, latestOffset: top })
    expect(data?.events.map(({ offset }) => offset)).toEqual(numberRange(1, (data?.events.length ?? 0) + 1))
    expect(data?.events.length).toBeGreaterThan(0)
    expect(data?.events.length).toBeLessThan(catchUpEventsMax)
  }
})
