import fc from 'fast-check'
import { type ChannelEvent } from '../../kernel/events/frames'
import { numberRange } from '../emit-numbers'
import { createTestApp, type TestApp } from '../test-app'
import { waitUntil } from './wait-until'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const cache = () => testApp.app.channelCache
const eventAt = (offset: number): ChannelEvent => ({
  offset,
  id: `id-${offset}`,
  name: 'a.b',
  at: '2026-01-01T00:00:00.000Z',
  data: { n: offset },
})
const eventsFrom = (first: number, count: number) => numberRange(first, first + count).map(eventAt)
let channelCount = 0
const newChannel = () => `cache:${(channelCount += 1)}`

/** The specification of the cache: a contiguous end of one epoch's log. */
class Reference {
  epoch: string | undefined
  offsets: number[] = []
  published: number[] = []
  append(epoch: string, first: number, count: number): { repeated: number } | { gap: number } {
    if (epoch !== this.epoch) Object.assign(this, { epoch, offsets: [] })
    const top = this.offsets.at(-1) ?? first - 1
    if (first > top + 1) return { gap: top }
    const appended = numberRange(Math.max(top + 1, first), first + count)
    this.offsets.push(...appended)
    this.published.push(...appended)
    return { repeated: count - appended.length }
  }
}

it('appends match the reference, in any order and with repeats', async () => {
  const appends = fc.array(
    fc.record({
      epoch: fc.constantFrom('a', 'a', 'a', 'b'),
      first: fc.integer({ min: 1, max: 12 }),
      count: fc.integer({ min: 1, max: 6 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  await fc.assert(
    fc.asyncProperty(appends, async steps => {
      const channel = newChannel()
      const reference = new Reference()
      for (const { epoch, first, count } of steps)
        expect(await cache().append(channel, epoch, eventsFrom(first, count))).toEqual(
          reference.append(epoch, first, count),
        )
      const oldest = reference.offsets[0] ?? 1
      const found = await cache().readAfter(channel, oldest - 1, 100)
      expect(found).toMatchObject({ epoch: reference.epoch, latestOffset: reference.offsets.at(-1) })
      expect(found?.events?.map(({ offset }) => offset)).toEqual(reference.offsets)
      expect((await cache().readAfter(channel, oldest - 2, 100))?.events).toBeUndefined()
    }),
    { numRuns: 150 },
  )
})

it('publishes new events once, in one message', async () => {
  const channel = newChannel()
  const received: { epoch: string; events: ChannelEvent[] }[] = []
  const { subscriber } = testApp.app.redis
  subscriber.on('message', (topic: string, message: string) => {
    if (topic === cache().topic(channel)) received.push(JSON.parse(message) as (typeof received)[number])
  })
  await subscriber.subscribe(cache().topic(channel))
  await cache().append(channel, 'a', eventsFrom(1, 3))
  await cache().append(channel, 'a', eventsFrom(1, 3))
  await cache().append(channel, 'a', eventsFrom(2, 4))
  await waitUntil(() => received.length === 2)
  expect(received.map(({ events }) => events)).toEqual([eventsFrom(1, 3), eventsFrom(4, 2)])
})

it('keeps only the newest events of a channel, and reports when older ones are requested', async () => {
  const channel = newChannel()
  await cache().append(channel, 'a', eventsFrom(1, 300))
  expect(await cache().readAfter(channel, 10, 500)).toEqual({ epoch: 'a', latestOffset: 300, events: undefined })
  const found = await cache().readAfter(channel, 290, 5)
  expect(found?.events).toEqual(eventsFrom(291, 5))
  expect((await cache().readAfter(channel, 300, 5))?.events).toEqual([])
  expect((await cache().readAfter(channel, 999, 5))?.events).toEqual([])
})

it('returns nothing for an unknown or deleted channel', async () => {
  const channel = newChannel()
  expect(await cache().readAfter(channel, 0, 5)).toBeUndefined()
  expect(await cache().position(channel)).toBeUndefined()
  await cache().append(channel, 'a', eventsFrom(7, 2))
  expect(await cache().position(channel)).toEqual({ epoch: 'a', offset: 8 })
  await cache().evict(channel)
  expect(await cache().position(channel)).toBeUndefined()
})

it('remembers an offset only for an unknown channel, and continues from it', async () => {
  const channel = newChannel()
  await cache().setPositionIfUnknown(channel, { epoch: 'a', offset: 4 })
  await cache().setPositionIfUnknown(channel, { epoch: 'a', offset: 2 })
  expect(await cache().position(channel)).toEqual({ epoch: 'a', offset: 4 })
  expect(await cache().append(channel, 'a', eventsFrom(6, 1))).toEqual({ gap: 4 })
  expect(await cache().append(channel, 'a', eventsFrom(4, 3))).toEqual({ repeated: 1 })
  expect(await cache().readAfter(channel, 4, 9)).toEqual({ epoch: 'a', latestOffset: 6, events: eventsFrom(5, 2) })
  expect((await cache().readAfter(channel, 3, 9))?.events).toBeUndefined()
  await cache().setPositionIfUnknown(channel, { epoch: 'b', offset: 9 })
  expect(await cache().position(channel)).toEqual({ epoch: 'a', offset: 6 })
})
