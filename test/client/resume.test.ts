import { type OffsetStore, type Position, type Transport, type TuttiEvent } from '../../client'
import { emitNumbers, numberRange } from '../emit-numbers'
import { makeTrack } from '../factories'
import { type Person } from '../person'
import { createTestApp, type TestApp } from '../test-app'
import { createListener, openClient, waitUntil } from './open-client'
import { startTcpProxy } from './tcp-proxy'

let testApp: TestApp
let ann: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann', { node: 0 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const newChannel = async () => `track:${(await makeTrack(ann.id)).id}` as const
const secondUrl = () => testApp.nodes[1]?.url ?? ''
/** Changes the epoch, as after a restore: earlier positions become invalid. */
const newEpoch = () => testApp.app.db.query('update channel_log_generation set generation = generation + 1')

/** Emits `count` numbers, a few at a time, and runs `between` after each. */
async function emitAll(channel: string, count: number, between: (turn: number) => unknown): Promise<void> {
  for (let next = 1, turn = 0; next <= count; turn += 1) {
    const size = 1 + Math.floor(Math.random() * 4)
    await emitNumbers(testApp.app, channel, numberRange(next, Math.min(next + size, count + 1)))
    next += size
    await between(turn)
  }
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

describe('the sequence of events', () => {
  it.each([['socket', 'sse', 'long-poll'], ['sse'], ['long-poll']] as Transport[][])(
    'is complete although connections are cut, over %s',
    async (...transports) => {
      await using wire = await startTcpProxy(ann.url)
      using client = openClient({ url: wire.url, token: ann.token, transports })
      const channel = await newChannel()
      const listener = createListener()
      let gaps = 0
      await client.follow(channel, listener.record, { onGap: () => (gaps += 1) })
      await emitAll(channel, 120, async turn => {
        if (turn % 7 === 3) wire.cut()
        await pause(10)
      })
      await waitUntil('all events are received', () => listener.events.length >= 120)
      expect({ listener: listener.numbers(), offsets: listener.offsets(), gaps }).toEqual({
        listener: numberRange(1, 121),
        offsets: numberRange(1, 121),
        gaps: 0,
      })
    },
  )

  it('is complete while transports are switched at random', async () => {
    using client = openClient({ url: ann.url, token: ann.token })
    const channel = await newChannel()
    const [listener, other] = [createListener(), createListener()]
    const transports: Transport[] = ['socket', 'sse', 'long-poll']
    const switches: Transport[] = []
    await client.follow(channel, listener.record)
    await client.follow(channel, other.record)
    await emitAll(channel, 150, async () => {
      const transport = transports[Math.floor(Math.random() * 3)] ?? 'socket'
      switches.push(transport)
      client.useTransport(transport)
      await pause(Math.random() * 60)
    })
    await waitUntil('all events are received', () => listener.events.length >= 150)
    expect({ switches, listener: listener.offsets(), other: other.offsets() }).toEqual({
      switches,
      listener: numberRange(1, 151),
      other: numberRange(1, 151),
    })
    expect(client.problems.filter(({ code }) => code !== 'unreachable')).toEqual([])
  })

  it('falls back to streams and long-polls while others are blocked, and returns to the socket', async () => {
    await using wire = await startTcpProxy(ann.url)
    wire.blockRequests(/Upgrade: websocket/i)
    using client = openClient({ url: wire.url, token: ann.token })
    const channel = await newChannel()
    const listener = createListener()
    await client.follow(channel, listener.record)
    expect(client.transport()).toBe('sse')
    await emitNumbers(testApp.app, channel, [1])
    wire.blockRequests(/Upgrade: websocket|accept: text\/event-stream/i)
    await emitNumbers(testApp.app, channel, [2])
    await waitUntil('long-polls are used', () => client.transport() === 'long-poll')
    await emitNumbers(testApp.app, channel, [3])
    await waitUntil('the event is received', () => listener.events.length === 3)
    wire.blockRequests()
    await waitUntil('the socket is used', () => client.transport() === 'socket')
    await emitNumbers(testApp.app, channel, [4])
    await waitUntil('the event is received', () => listener.events.length === 4)
    expect(listener.numbers()).toEqual([1, 2, 3, 4])
    expect(client.transports).toEqual(['sse', 'long-poll', 'socket'])
  })

  it('is read by page for a follower that is far behind', async () => {
    const channel = await newChannel()
    await emitNumbers(testApp.app, channel, numberRange(1, 701))
    const { epoch } = await testApp.app.channelLog.position(channel)
    for (const transport of ['socket', 'sse', 'long-poll'] as const) {
      using client = openClient({ url: ann.url, token: ann.token, transports: [transport] })
      const listener = createListener()
      await client.follow(channel, listener.record, { after: { epoch, offset: 50 } })
      await waitUntil('all events are received', () => listener.events.length >= 650)
      expect(listener.offsets()).toEqual(numberRange(51, 701))
    }
  })

  it('restarts with a snapshot when the epoch changes under a live follower', async () => {
    using client = openClient({ url: ann.url, token: ann.token, transports: ['socket'] })
    using pollingClient = openClient({ url: secondUrl(), token: ann.token, transports: ['long-poll'] })
    const channel = await newChannel()
    const [withSnapshot, withoutSnapshot]: [string[], string[]] = [[], []]
    const recordIn = (received: string[]) => (event: TuttiEvent) => void received.push(String(numberOf(event)))
    await client.follow(channel, recordIn(withSnapshot), { onSnapshot: () => withSnapshot.push('snapshot') })
    await pollingClient.follow(channel, recordIn(withoutSnapshot), { onGap: () => withoutSnapshot.push('gap') })
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil('the event is received', () => withSnapshot.length === 1 && withoutSnapshot.length === 1)
    await newEpoch()
    // The node caches the epoch for a second.
    for (let n = 2; withSnapshot.length < 3 || withoutSnapshot.length < 3; n += 1) {
      testApp.clock.advance(2_000)
      await emitNumbers(testApp.app, channel, [n])
      await pause(200)
    }
    const afterMark = (received: string[], mark: string) => received.slice(received.indexOf(mark) + 1).map(Number)
    for (const [received, mark] of [
      [withSnapshot, 'snapshot'],
      [withoutSnapshot, 'gap'],
    ] as const) {
      const after = afterMark(received, mark)
      expect(received.filter(one => one === mark)).toEqual([mark])
      expect(after).toEqual(numberRange(after[0] ?? 0, (after.at(-1) ?? 0) + 1))
    }
  })

  const numberOf = (event: TuttiEvent) => ('n' in event.data ? event.data.n : event.name)
})

/** An asynchronous store, as an application may have one. */
function memoryStore(): OffsetStore & { positions: Map<string, Position>; writes: number } {
  const positions = new Map<string, Position>()
  return {
    positions,
    writes: 0,
    get: async channel => positions.get(channel) ?? null,
    async set(channel, position) {
      await Promise.resolve()
      positions.set(channel, position)
      this.writes += 1
    },
  }
}

describe('a store of offsets', () => {
  it('lets another client continue where the last one stopped', async () => {
    const offsets = memoryStore()
    const channel = await newChannel()
    await emitNumbers(testApp.app, channel, [1, 2])
    const runs: (number | undefined)[][] = []
    for (const transport of ['socket', 'long-poll', 'sse'] as const) {
      using client = openClient({ url: ann.url, token: ann.token, transports: [transport], offsets })
      const listener = createListener()
      const before = runs.flat().length
      await client.follow(channel, listener.record)
      await emitNumbers(testApp.app, channel, numberRange(before * 2 + 3, before * 2 + 6))
      await waitUntil('the event is received', () => listener.events.length >= (runs.length === 0 ? 3 : 5))
      await client.close()
      runs.push(listener.offsets())
      await emitNumbers(testApp.app, channel, [0, 0])
    }
    expect(runs).toEqual([numberRange(3, 6), numberRange(6, 11), numberRange(11, 16)])
    expect(offsets.writes).toBeLessThan(20)
  })

  it('takes precedence over a snapshot, and a given position over both', async () => {
    const offsets = memoryStore()
    const channel = await newChannel()
    await emitNumbers(testApp.app, channel, numberRange(1, 6))
    const { epoch } = await testApp.app.channelLog.position(channel)
    const received: string[] = []
    const follower = {
      snapshot: true,
      onSnapshot: () => received.push('snapshot'),
      onEvent: ({ offset }: TuttiEvent) => received.push(`event ${offset}`),
    }
    for (const after of [undefined, undefined, { epoch, offset: 4 }]) {
      using client = openClient({ url: ann.url, token: ann.token, transports: ['socket'], offsets })
      await client.follow(channel, follower, { after })
      if (received.includes('closed'))
        await waitUntil('the last event is received', () => received.at(-1) === 'event 6')
      await client.close()
      received.push('closed')
      if (received.length === 2) await emitNumbers(testApp.app, channel, [6])
    }
    expect(received).toEqual(['snapshot', 'closed', 'event 6', 'closed', 'event 5', 'event 6', 'closed'])
  })

  it('keeps the position of stopped follows and of iterators', async () => {
    const offsets = memoryStore()
    using client = openClient({ url: ann.url, token: ann.token, offsets })
    const [stopped, read] = [await newChannel(), await newChannel()]
    const listener = createListener()
    const following = await client.follow(stopped, listener.record)
    await emitNumbers(testApp.app, stopped, [1, 2])
    await waitUntil('the event is received', () => listener.events.length === 2)
    await following.unfollow()
    expect(offsets.positions.get(stopped)?.offset).toBe(2)

    const events = client.events(read)
    const first = events.next()
    await waitUntil('it is followed', () => client.transport() === 'socket' && offsets.positions.has(read))
    await emitNumbers(testApp.app, read, [1, 2, 3])
    expect((await first).value).toMatchObject({ offset: 1 })
    expect((await events.next()).value).toMatchObject({ offset: 2 })
    await events.return()
    expect(offsets.positions.get(read)?.offset).toBe(2)
  })

  it('that fails is reported, and does not affect delivery', async () => {
    const offsets: OffsetStore = {
      get: () => Promise.reject(new Error('no database')),
      set: () => {
        throw new Error('no space')
      },
    }
    using client = openClient({ url: ann.url, token: ann.token, offsets })
    const channel = await newChannel()
    const listener = createListener()
    await client.follow(channel, listener.record)
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil('the event is received', () => listener.events.length === 1)
    await client.close()
    expect([...new Set(client.problems.map(({ code }) => code))]).toEqual(['offset_store_failed'])
  })
})

describe('the event iterator', () => {
  it('yields events in order, with snapshots, until the loop ends', async () => {
    using client = openClient({ url: ann.url, token: ann.token })
    const channel = await newChannel()
    await emitNumbers(testApp.app, channel, [1])
    const received: string[] = []
    const onSnapshot = () => {
      received.push('snapshot')
      void emitNumbers(testApp.app, channel, [2, 3])
    }
    for await (const { offset } of client.events(channel, { snapshot: true, onSnapshot })) {
      received.push(`event ${offset}`)
      if (offset === 3) break
    }
    expect(received).toEqual(['snapshot', 'event 2', 'event 3'])
  })

  it('ends when the client is closed or the signal aborts, and throws when the channel is closed', async () => {
    using client = openClient({ url: ann.url, token: ann.token })
    const channel = await newChannel()
    const leaving = new AbortController()
    const read = async (signal?: AbortSignal) => {
      const offsets: number[] = []
      for await (const { offset } of client.events(channel, { signal })) offsets.push(offset)
      return offsets
    }
    const [aborted, complete] = [read(leaving.signal), read()]
    const listener = createListener()
    await client.follow(channel, listener.record)
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil('the event is received', () => listener.events.length === 1)
    leaving.abort()
    expect(await aborted).toEqual([1])
    await client.close()
    expect(await complete).toEqual([1])

    const carl = await testApp.signIn('carl')
    using carlClient = openClient({ url: carl.url, token: carl.token })
    const loop = carlClient.events(channel)
    const next = loop.next()
    await waitUntil('it is followed', () => carlClient.transport() === 'socket')
    using annClient = openClient({ url: ann.url, token: ann.token, transports: ['long-poll'] })
    await annClient.call('tracks.updateTrack', { trackId: channel.slice(6), visibility: 'private' })
    // The change itself may still be delivered.
    const end = next.then(({ done }) => (done === true ? undefined : loop.next()))
    await expect(end).rejects.toMatchObject({ code: 'not_found' })
  })

  it('reads from the log for a slow consumer, instead of buffering', async () => {
    using client = openClient({ url: ann.url, token: ann.token })
    const channel = await newChannel()
    const listener = createListener()
    await client.follow(channel, listener.record)
    const { epoch } = await testApp.app.channelLog.position(channel)
    const loop = client.events(channel, { after: { epoch, offset: 0 } })
    const first = loop.next()
    for (let next = 1; next <= 2_500; next += 500)
      await emitNumbers(testApp.app, channel, numberRange(next, next + 500))
    await first
    await waitUntil('all events are received', () => listener.events.length === 2_500)
    const offsets = [1]
    while (offsets.length < 2_500) {
      const { value } = await loop.next()
      offsets.push(value?.offset ?? 0)
    }
    expect(offsets).toEqual(numberRange(1, 2_501))
    await loop.return()
  })
})
