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
/** The log as it is after a restore: positions of before mean nothing. */
const newEpoch = () => testApp.app.db.query('update log_generation set generation = generation + 1')

/** Announces so many numbers, a few at a time, and does something in between. */
async function announceAll(channel: string, count: number, between: (turn: number) => unknown): Promise<void> {
  for (let next = 1, turn = 0; next <= count; turn += 1) {
    const size = 1 + Math.floor(Math.random() * 4)
    await emitNumbers(testApp.app, channel, numberRange(next, Math.min(next + size, count + 1)))
    next += size
    await between(turn)
  }
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

describe('one sequence', () => {
  it.each([['socket', 'sse', 'long-poll'], ['sse'], ['long-poll']] as Transport[][])(
    'is heard whatever happens to connections, over %s',
    async (...transports) => {
      await using wire = await startTcpProxy(ann.url)
      using client = openClient({ url: wire.url, token: ann.token, transports })
      const channel = await newChannel()
      const heard = createListener()
      let gaps = 0
      await client.follow(channel, heard.hear, { onGap: () => (gaps += 1) })
      await announceAll(channel, 120, async turn => {
        if (turn % 7 === 3) wire.cut()
        await pause(10)
      })
      await waitUntil('all is heard', () => heard.events.length >= 120)
      expect({ heard: heard.numbers(), offsets: heard.offsets(), gaps }).toEqual({
        heard: numberRange(1, 121),
        offsets: numberRange(1, 121),
        gaps: 0,
      })
    },
  )

  it('is heard while transports are switched at random', async () => {
    using client = openClient({ url: ann.url, token: ann.token })
    const channel = await newChannel()
    const [heard, other] = [createListener(), createListener()]
    const transports: Transport[] = ['socket', 'sse', 'long-poll']
    const switches: Transport[] = []
    await client.follow(channel, heard.hear)
    await client.follow(channel, other.hear)
    await announceAll(channel, 150, async () => {
      const transport = transports[Math.floor(Math.random() * 3)] ?? 'socket'
      switches.push(transport)
      client.useTransport(transport)
      await pause(Math.random() * 60)
    })
    await waitUntil('all is heard', () => heard.events.length >= 150)
    expect({ switches, heard: heard.offsets(), other: other.offsets() }).toEqual({
      switches,
      heard: numberRange(1, 151),
      other: numberRange(1, 151),
    })
    expect(client.problems.filter(({ code }) => code !== 'unreachable')).toEqual([])
  })

  it('goes over streams, then over long-polls, when others do not get through, and back when they do', async () => {
    await using wire = await startTcpProxy(ann.url)
    wire.blockRequests(/Upgrade: websocket/i)
    using client = openClient({ url: wire.url, token: ann.token })
    const channel = await newChannel()
    const heard = createListener()
    await client.follow(channel, heard.hear)
    expect(client.transport()).toBe('sse')
    await emitNumbers(testApp.app, channel, [1])
    wire.blockRequests(/Upgrade: websocket|accept: text\/event-stream/i)
    await emitNumbers(testApp.app, channel, [2])
    await waitUntil('long-polls are used', () => client.transport() === 'long-poll')
    await emitNumbers(testApp.app, channel, [3])
    await waitUntil('it is heard', () => heard.events.length === 3)
    wire.blockRequests()
    await waitUntil('the socket is used', () => client.transport() === 'socket')
    await emitNumbers(testApp.app, channel, [4])
    await waitUntil('it is heard', () => heard.events.length === 4)
    expect(heard.numbers()).toEqual([1, 2, 3, 4])
    expect(client.transports).toEqual(['sse', 'long-poll', 'socket'])
  })

  it('is read page by page by who comes late', async () => {
    const channel = await newChannel()
    await emitNumbers(testApp.app, channel, numberRange(1, 701))
    const { epoch } = await testApp.app.channelLog.position(channel)
    for (const transport of ['socket', 'sse', 'long-poll'] as const) {
      using client = openClient({ url: ann.url, token: ann.token, transports: [transport] })
      const heard = createListener()
      await client.follow(channel, heard.hear, { after: { epoch, offset: 50 } })
      await waitUntil('all is heard', () => heard.events.length >= 650)
      expect(heard.offsets()).toEqual(numberRange(51, 701))
    }
  })

  it('begins anew with a snapshot when the epoch changes under a live follower', async () => {
    using client = openClient({ url: ann.url, token: ann.token, transports: ['socket'] })
    using poor = openClient({ url: secondUrl(), token: ann.token, transports: ['long-poll'] })
    const channel = await newChannel()
    const [rich, plain]: [string[], string[]] = [[], []]
    const tellIn = (told: string[]) => (event: TuttiEvent) => void told.push(String(listenTo(event)))
    await client.follow(channel, tellIn(rich), { onSnapshot: () => rich.push('snapshot') })
    await poor.follow(channel, tellIn(plain), { onGap: () => plain.push('gap') })
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil('it is heard', () => rich.length === 1 && plain.length === 1)
    await newEpoch()
    // What is known of the epoch is believed for a second.
    for (let n = 2; rich.length < 3 || plain.length < 3; n += 1) {
      testApp.clock.advance(2_000)
      await emitNumbers(testApp.app, channel, [n])
      await pause(200)
    }
    const behind = (told: string[], mark: string) => told.slice(told.indexOf(mark) + 1).map(Number)
    for (const [told, mark] of [
      [rich, 'snapshot'],
      [plain, 'gap'],
    ] as const) {
      const after = behind(told, mark)
      expect(told.filter(one => one === mark)).toEqual([mark])
      expect(after).toEqual(numberRange(after[0] ?? 0, (after.at(-1) ?? 0) + 1))
    }
  })

  const listenTo = (event: TuttiEvent) => ('n' in event.data ? event.data.n : event.name)
})

/** A store as an application may have one: it takes a moment. */
function memory(): OffsetStore & { places: Map<string, Position>; writes: number } {
  const places = new Map<string, Position>()
  return {
    places,
    writes: 0,
    get: async channel => places.get(channel) ?? null,
    async set(channel, position) {
      await Promise.resolve()
      places.set(channel, position)
      this.writes += 1
    },
  }
}

describe('a store of offsets', () => {
  it('lets the next life of a client go on where the last one stopped', async () => {
    const offsets = memory()
    const channel = await newChannel()
    await emitNumbers(testApp.app, channel, [1, 2])
    const lives: (number | undefined)[][] = []
    for (const transport of ['socket', 'long-poll', 'sse'] as const) {
      using client = openClient({ url: ann.url, token: ann.token, transports: [transport], offsets })
      const heard = createListener()
      const before = lives.flat().length
      await client.follow(channel, heard.hear)
      await emitNumbers(testApp.app, channel, numberRange(before * 2 + 3, before * 2 + 6))
      await waitUntil('it is heard', () => heard.events.length >= (lives.length === 0 ? 3 : 5))
      await client.close()
      lives.push(heard.offsets())
      await emitNumbers(testApp.app, channel, [0, 0])
    }
    expect(lives).toEqual([numberRange(3, 6), numberRange(6, 11), numberRange(11, 16)])
    expect(offsets.writes).toBeLessThan(20)
  })

  it('knows better where to begin than a snapshot does, and a place that is asked for is better still', async () => {
    const offsets = memory()
    const channel = await newChannel()
    await emitNumbers(testApp.app, channel, numberRange(1, 6))
    const { epoch } = await testApp.app.channelLog.position(channel)
    const told: string[] = []
    const follower = {
      snapshot: true,
      onSnapshot: () => told.push('snapshot'),
      onEvent: ({ offset }: TuttiEvent) => told.push(`event ${offset}`),
    }
    for (const after of [undefined, undefined, { epoch, offset: 4 }]) {
      using client = openClient({ url: ann.url, token: ann.token, transports: ['socket'], offsets })
      await client.follow(channel, follower, { after })
      if (told.includes('closed')) await waitUntil('the last event is heard', () => told.at(-1) === 'event 6')
      await client.close()
      told.push('closed')
      if (told.length === 2) await emitNumbers(testApp.app, channel, [6])
    }
    expect(told).toEqual(['snapshot', 'closed', 'event 6', 'closed', 'event 5', 'event 6', 'closed'])
  })

  it('holds what was stopped, and how far an iterator has been read', async () => {
    const offsets = memory()
    using client = openClient({ url: ann.url, token: ann.token, offsets })
    const [stopped, read] = [await newChannel(), await newChannel()]
    const heard = createListener()
    const following = await client.follow(stopped, heard.hear)
    await emitNumbers(testApp.app, stopped, [1, 2])
    await waitUntil('it is heard', () => heard.events.length === 2)
    await following.unfollow()
    expect(offsets.places.get(stopped)?.offset).toBe(2)

    const events = client.events(read)
    const first = events.next()
    await waitUntil('it is followed', () => client.transport() === 'socket' && offsets.places.has(read))
    await emitNumbers(testApp.app, read, [1, 2, 3])
    expect((await first).value).toMatchObject({ offset: 1 })
    expect((await events.next()).value).toMatchObject({ offset: 2 })
    await events.return()
    expect(offsets.places.get(read)?.offset).toBe(2)
  })

  it('that fails is told of, and costs nothing else', async () => {
    const offsets: OffsetStore = {
      get: () => Promise.reject(new Error('no database')),
      set: () => {
        throw new Error('no space')
      },
    }
    using client = openClient({ url: ann.url, token: ann.token, offsets })
    const channel = await newChannel()
    const heard = createListener()
    await client.follow(channel, heard.hear)
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil('it is heard', () => heard.events.length === 1)
    await client.close()
    expect([...new Set(client.problems.map(({ code }) => code))]).toEqual(['offset_store_failed'])
  })
})

describe('events as a loop', () => {
  it('come in order, with snapshots among them, until the loop is left', async () => {
    using client = openClient({ url: ann.url, token: ann.token })
    const channel = await newChannel()
    await emitNumbers(testApp.app, channel, [1])
    const told: string[] = []
    const onSnapshot = () => {
      told.push('snapshot')
      void emitNumbers(testApp.app, channel, [2, 3])
    }
    for await (const { offset } of client.events(channel, { snapshot: true, onSnapshot })) {
      told.push(`event ${offset}`)
      if (offset === 3) break
    }
    expect(told).toEqual(['snapshot', 'event 2', 'event 3'])
  })

  it('end when the client is closed or the signal aborts, and throw when the channel is closed', async () => {
    using client = openClient({ url: ann.url, token: ann.token })
    const channel = await newChannel()
    const leaving = new AbortController()
    const read = async (signal?: AbortSignal) => {
      const offsets: number[] = []
      for await (const { offset } of client.events(channel, { signal })) offsets.push(offset)
      return offsets
    }
    const [left, whole] = [read(leaving.signal), read()]
    const heard = createListener()
    await client.follow(channel, heard.hear)
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil('it is heard', () => heard.events.length === 1)
    leaving.abort()
    expect(await left).toEqual([1])
    await client.close()
    expect(await whole).toEqual([1])

    const carl = await testApp.signIn('carl')
    using his = openClient({ url: carl.url, token: carl.token })
    const loop = his.events(channel)
    const next = loop.next()
    await waitUntil('it is followed', () => his.transport() === 'socket')
    using hers = openClient({ url: ann.url, token: ann.token, transports: ['long-poll'] })
    await hers.call('tracks.updateTrack', { trackId: channel.slice(6), visibility: 'private' })
    // The change itself may still be told.
    const end = next.then(({ done }) => (done === true ? undefined : loop.next()))
    await expect(end).rejects.toMatchObject({ code: 'not_found' })
  })

  it('wait in the log, not in memory, for who is slow', async () => {
    using client = openClient({ url: ann.url, token: ann.token })
    const channel = await newChannel()
    const heard = createListener()
    await client.follow(channel, heard.hear)
    const { epoch } = await testApp.app.channelLog.position(channel)
    const loop = client.events(channel, { after: { epoch, offset: 0 } })
    const first = loop.next()
    for (let next = 1; next <= 2_500; next += 500)
      await emitNumbers(testApp.app, channel, numberRange(next, next + 500))
    await first
    await waitUntil('all is heard', () => heard.events.length === 2_500)
    const offsets = [1]
    while (offsets.length < 2_500) {
      const { value } = await loop.next()
      offsets.push(value?.offset ?? 0)
    }
    expect(offsets).toEqual(numberRange(1, 2_501))
    await loop.return()
  })
})
