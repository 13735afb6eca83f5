import { newId } from '../../kernel/pipeline/new-id'
import { type Problem } from '../../kernel/pipeline/refusals'
import { type CatchUp } from '../../kernel/events/frames'
import { channelsPerSocketMax } from '../../kernel/events/protocol'
import { catchUpEventsMax } from '../../kernel/events/protocol'
import { updateTrack } from '../../skills/tracks/update-track'
import { emitNumbers, numberRange } from '../emit-numbers'
import { makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { type Person, ProblemError } from '../person'
import { createTestApp, type TestApp } from '../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann', { node: 0 })
  bob = await testApp.signIn('bob', { node: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const call = async (person: Person, name: 'channel.follow' | 'channel.unfollow', input: unknown) =>
  (await (await person.socket()).timeout(5_000).emitWithAck(name, { input })) as { data?: unknown; error?: Problem }
const follow = (person: Person, channel: unknown) => call(person, 'channel.follow', { channel })

describe('following', () => {
  it('the own channel or a visible track is granted, also repeatedly', async () => {
    const track = await makeTrack(bob.id)
    for (const channel of [`user:${ann.id}`, `track:${track.id}`, `track:${track.id}`])
      expect(await follow(ann, channel)).toMatchObject({
        data: { channel, events: [], recovered: false, hasMore: false },
      })
  })

  it("another person's channel is forbidden", async () => {
    expect(await follow(ann, `user:${bob.id}`)).toMatchObject({ error: { status: 403, code: 'forbidden' } })
  })

  it('an unknown or invisible channel is not found', async () => {
    const privateTrack = await makeTrack(bob.id, { visibility: 'private' })
    const id = newId(new Date())
    for (const channel of [`track:${id}`, `track:${privateTrack.id}`, `spaceship:${id}`, `constructor:${id}`]) {
      const { error } = await follow(ann, channel)
      expect(error).toMatchObject({ status: 404, code: 'not_found' })
    }
    expect(await follow(bob, `track:${privateTrack.id}`)).toHaveProperty('data')
  })

  it.each([
    '',
    'user',
    'user:',
    ':x',
    'user:x',
    `user:${'-'.repeat(36)} `,
    'track:00000000-0000-0000-0000-00000000000G',
    'USER:x',
    7,
    null,
    [],
    {},
  ])('the malformed channel %j is invalid', async channel => {
    expect(await follow(ann, channel)).toMatchObject({ error: { status: 400, code: 'invalid_input' } })
  })

  it('a malformed id of the right length is invalid, not a server error', async () => {
    expect(await follow(ann, `track:${'-'.repeat(36)}`)).toMatchObject({
      error: { status: 400, code: 'invalid_input' },
    })
  })

  it('with missing or additional fields is invalid', async () => {
    for (const input of [{}, { channel: `user:${ann.id}`, extra: 1 }, [], null])
      expect(await call(ann, 'channel.follow', input)).toMatchObject({ error: { code: 'invalid_input' } })
  })

  it(`more than ${channelsPerSocketMax} channels on one socket is refused, also when requested concurrently`, async () => {
    const eve = await testApp.signIn('eve', { node: 0 })
    const tracks = []
    for (let index = 0; index < channelsPerSocketMax + 10; index += 1) tracks.push(await makeTrack(bob.id))
    const answers = await Promise.all(tracks.map(({ id }) => follow(eve, `track:${id}`)))
    const refused = answers.flatMap(({ error }) => (error === undefined ? [] : [error]))
    expect(refused).toHaveLength(10)
    for (const error of refused) expect(error).toMatchObject({ status: 409, code: 'too_many_channels' })
    const granted = tracks.filter((_track, index) => answers[index]?.error === undefined)
    expect(await follow(eve, `track:${granted[0]?.id ?? ''}`)).toHaveProperty('data')
    await call(eve, 'channel.unfollow', { channel: `track:${granted[0]?.id ?? ''}` })
    expect(await follow(eve, `user:${eve.id}`)).toHaveProperty('data')
  })
})

it('unfollowing stops delivery of that channel only', async () => {
  const channel = `track:${(await makeTrack(bob.id)).id}`
  const onTrack = await ann.recordEvents(channel)
  const onOwn = await ann.recordEvents(`user:${ann.id}`)
  await emitNumbers(testApp.app, channel, [1])
  await onTrack.waitFor('test.numberEmitted')
  await call(ann, 'channel.unfollow', { channel })
  await emitNumbers(testApp.app, [channel, `user:${ann.id}`], [2])
  await onOwn.waitFor('test.numberEmitted', data => data.n === 2)
  expect(onTrack.names()).toEqual(['test.numberEmitted'])
  expect(await call(ann, 'channel.unfollow', { channel: `track:${newId(new Date())}` })).toHaveProperty('data')
})

describe('following after a position', () => {
  const followAfter = async (person: Person, channel: string, after: unknown) => {
    const { data, error } = await call(person, 'channel.follow', { channel, after })
    if (error !== undefined) throw new ProblemError(error)
    return data as CatchUp
  }
  const offsets = ({ events }: CatchUp) => events.map(({ offset }) => offset)
  /** A channel with `count` events, and its epoch. */
  async function channelWith(count: number): Promise<{ channel: string; epoch: string }> {
    const channel = `track:${(await makeTrack(bob.id)).id}`
    if (count > 0) await emitNumbers(testApp.app, channel, numberRange(1, count + 1))
    const { epoch } = await testApp.app.channelLog.position(channel)
    return { channel, epoch }
  }

  it('returns missed events, in order, on any node', async () => {
    const { channel, epoch } = await channelWith(5)
    for (const person of [ann, bob]) {
      const caught = await followAfter(person, channel, { epoch, offset: 2 })
      expect(caught).toMatchObject({ channel, epoch, latestOffset: 5, recovered: true, hasMore: false })
      expect(offsets(caught)).toEqual([3, 4, 5])
      expect(caught.events.map(({ data }) => (data as { n: number }).n)).toEqual([3, 4, 5])
    }
  })

  it('returns nothing after the newest event, and everything after 0', async () => {
    const { channel, epoch } = await channelWith(3)
    expect(await followAfter(ann, channel, { epoch, offset: 3 })).toMatchObject({
      events: [],
      recovered: true,
      latestOffset: 3,
    })
    expect(offsets(await followAfter(ann, channel, { epoch, offset: 0 }))).toEqual([1, 2, 3])
    const empty = await channelWith(0)
    expect(await followAfter(ann, empty.channel, { epoch, offset: 0 })).toMatchObject({ events: [], recovered: true })
  })

  it('returns the same from memory, from Redis and from PostgreSQL', async () => {
    const { channel, epoch } = await channelWith(4)
    const recorder = await ann.recordEvents(channel)
    await emitNumbers(testApp.app, channel, numberRange(5, 9))
    await waitUntil(() => recorder.events.length === 4)
    const fromMemory = await followAfter(ann, channel, { epoch, offset: 6 })
    const fromRedis = await followAfter(bob, channel, { epoch, offset: 2 })
    await testApp.app.channelCache.evict(channel)
    const fromPostgres = await followAfter(bob, channel, { epoch, offset: 1 })
    expect(offsets(fromMemory)).toEqual([7, 8])
    expect(fromRedis.events.slice(4)).toEqual(fromMemory.events)
    expect(fromPostgres.events.slice(1)).toEqual(fromRedis.events)
    expect(recorder.events).toEqual(fromRedis.events.slice(2))
  })

  it('returns many events in parts', async () => {
    const { channel, epoch } = await channelWith(catchUpEventsMax + 20)
    const first = await followAfter(ann, channel, { epoch, offset: 0 })
    expect(first).toMatchObject({ recovered: true, hasMore: true, latestOffset: catchUpEventsMax + 20 })
    expect(offsets(first)).toEqual(numberRange(1, catchUpEventsMax + 1))
    const rest = await followAfter(ann, channel, { epoch, offset: catchUpEventsMax })
    expect(rest).toMatchObject({ recovered: true, hasMore: false })
    expect(offsets(rest)).toEqual(numberRange(catchUpEventsMax + 1, catchUpEventsMax + 21))
  })

  it('reports what it cannot recover: a future offset, another epoch, deleted events', async () => {
    const { channel, epoch } = await channelWith(5)
    for (const after of [
      { epoch, offset: 6 },
      { epoch, offset: Number.MAX_SAFE_INTEGER },
      { epoch: 'another', offset: 2 },
      { epoch: 'zzzzzzzzzzzz', offset: 0 },
    ])
      expect(await followAfter(ann, channel, after)).toMatchObject({
        recovered: false,
        events: [],
        latestOffset: 5,
        epoch,
        hasMore: false,
      })
    await testApp.app.channelCache.evict(channel)
    await testApp.app.db.query('delete from channel_events where channel = :channel and "offset" <= 3', { channel })
    const eve = await testApp.signIn('eve2', { node: 1 })
    expect(await followAfter(eve, channel, { epoch, offset: 2 })).toMatchObject({
      recovered: false,
      events: [],
      latestOffset: 5,
    })
    expect(offsets(await followAfter(eve, channel, { epoch, offset: 3 }))).toEqual([4, 5])
  })

  it.each([
    1,
    'x:1',
    null,
    {},
    { epoch: 'a' },
    { offset: 1 },
    { epoch: 'a', offset: -1 },
    { epoch: 'a', offset: 1.5 },
    { epoch: 'a', offset: '1' },
    { epoch: 'A!', offset: 1 },
    { epoch: 'a'.repeat(33), offset: 1 },
    { epoch: 'a', offset: 1e300 },
  ])('%j is invalid', async after => {
    const channel = `user:${ann.id}`
    expect(await call(ann, 'channel.follow', { channel, after })).toMatchObject({ error: { code: 'invalid_input' } })
  })

  it('checks access again', async () => {
    const { channel, epoch } = await channelWith(2)
    await followAfter(ann, channel, { epoch, offset: 1 })
    await bob.call(updateTrack, { trackId: channel.slice('track:'.length), visibility: 'private' })
    expect(await call(ann, 'channel.follow', { channel, after: { epoch, offset: 1 } })).toMatchObject({
      error: { code: 'not_found' },
    })
  })
})
