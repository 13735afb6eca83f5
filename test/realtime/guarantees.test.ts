import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { Server, type Socket as ServerSocket } from 'socket.io'
import { io } from 'socket.io-client'
import { Sequence } from '../../client/channels/sequence'
import { createPipeline } from '../../kernel/pipeline/pipeline'
import { newId } from '../../kernel/pipeline/new-id'
import { type CatchUp, type ChannelEvent, type EventFrame } from '../../kernel/events/frames'
import { followCalls, subscribeRooms } from '../../realtime/calls/follow-calls'
import { createSocketEventSink } from '../../realtime/socket-event-sink'
import { callerOf } from '../../realtime/connection/socket-data'
import { type Hub, openHub, type EventSink } from '../../realtime/log/hub'
import { registry } from '../../skills'
import { emitNumbers, numberRange } from '../emit-numbers'
import { type TestKernel, createTestKernel } from '../kernel/test-kernel'
import { waitUntil } from '../kernel/wait-until'

/**
 * Each rule that the delivery guarantee rests on, in a race that the test decides: no relay runs here, so the test
 * controls what reaches Redis and when. `test/mutations.test.ts` removes the rules one by one; each time a test here
 * must fail.
 */
let kernel: TestKernel
beforeAll(async () => {
  kernel = await createTestKernel({ registry })
})
afterAll(() => kernel[Symbol.asyncDispose]())

const newChannel = () => `user:${newId(new Date())}`
const offsetsOf = (events: readonly ChannelEvent[] | undefined) => events?.map(({ offset }) => offset)

/** Logs `count` events of a channel, in PostgreSQL only. */
async function logEvents(channel: string, count: number) {
  await emitNumbers(kernel.app, channel, numberRange(1, count + 1))
  const { epoch, events } = await kernel.app.channelLog.readAfter(channel, 0, count)
  const some = (first: number, last: number) => events.slice(first - 1, last)
  return {
    /** As a relay does. */
    append: (first: number, last: number) => kernel.app.channelCache.append(channel, epoch, some(first, last)),
    /** As if relays overlapped or Redis had lost its data: bypasses the rules of the cache. */
    publish: async (first: number, last: number) => {
      const frame = { epoch, sentAt: kernel.clock.now(), events: some(first, last) }
      await kernel.app.redis.commands.publish(kernel.app.channelCache.topic(channel), JSON.stringify(frame))
    },
  }
}

interface HubRecorder extends AsyncDisposable {
  hub: Hub
  received: number[]
}

async function openRecorder(): Promise<HubRecorder> {
  const received: number[] = []
  const sink: EventSink = {
    deliver: ({ events }) => received.push(...events.map(({ offset }) => offset)),
    channelRestarted: () => received.push(-1),
  }
  const hub = openHub(kernel.app, sink)
  return { hub, received, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() }
}

const hubGaps = async () => {
  const { values } = await kernel.app.metrics.logGaps.get()
  return values.find(({ labels }) => labels.component === 'hub')?.value ?? 0
}

describe('the hub', () => {
  it('fills a gap before it delivers later events', async () => {
    await using recorder = await openRecorder()
    const channel = newChannel()
    await recorder.hub.subscribe(channel)
    const { publish } = await logEvents(channel, 4)
    const before = await hubGaps()
    await publish(1, 1)
    await publish(4, 4)
    await waitUntil(() => recorder.received.includes(4))
    expect(recorder.received).toEqual([1, 2, 3, 4])
    expect(await hubGaps()).toBe(before + 1)
    expect((await recorder.hub.catchUp(channel)).latestOffset).toBe(4)
  })

  it('delivers nothing twice, however events are repeated and split', async () => {
    await using recorder = await openRecorder()
    const channel = newChannel()
    await recorder.hub.subscribe(channel)
    const { publish } = await logEvents(channel, 6)
    const before = await hubGaps()
    for (const [first, last] of [
      [1, 2],
      [1, 2],
      [2, 4],
      [1, 1],
      [3, 5],
      [6, 6],
    ] as const)
      await publish(first, last)
    await waitUntil(() => recorder.received.includes(6))
    expect(recorder.received).toEqual([1, 2, 3, 4, 5, 6])
    // A repeated event is not a gap, and causes no read.
    expect(await hubGaps()).toBe(before)
  })

  it('subscribes before it reads the position of a channel', async () => {
    await using recorder = await openRecorder()
    const channel = newChannel()
    const { subscriber } = kernel.app.redis
    const subscribe = subscriber.subscribe.bind(subscriber)
    // An event is emitted right before Redis receives the subscription, and is not published to this node.
    const subscribing = jest.spyOn(subscriber, 'subscribe').mockImplementation(async (...topics: unknown[]) => {
      if (topics[0] === kernel.app.channelCache.topic(channel)) await emitAndAppend(channel)
      return subscribe(...(topics as string[]))
    })
    const subscription = await recorder.hub.subscribe(channel)
    subscribing.mockRestore()
    const { epoch } = await kernel.app.channelLog.position(channel)
    const caught = await recorder.hub.catchUp(channel, { epoch, offset: 0 })
    expect({ top: caught.latestOffset, offsets: offsetsOf(caught.events) }).toEqual({ top: 1, offsets: [1] })
    subscription.release()
  })
})

describe('a follow', () => {
  it('joins the room before it reads the log, so that events in between are delivered', async () => {
    const http = createServer()
    const server = new Server(http)
    const pipeline = createPipeline(kernel.app, registry)
    const others = { recheckAccess: async () => undefined, channelRestarted: () => undefined }
    await using hub = openHub(
      kernel.app,
      createSocketEventSink(pipeline, server, () => others),
    )
    subscribeRooms(kernel.app, server, hub)
    const actor = { id: newId(new Date()), roles: [] }
    const channel = `user:${actor.id}`
    await using delivered = await listenTo(hub, channel)

    // The state is read last: when it is requested, an event is emitted and delivered to the room.
    const stateOf = async () => {
      await emitAndAppend(channel)
      await waitUntil(() => delivered.offsets.includes(1))
      return {}
    }
    const follow = new Map(followCalls(pipeline, { hub, readState: stateOf, chargeFollows: () => undefined })).get(
      'channel.follow',
    )
    server.on('connection', (socket: ServerSocket) => {
      Object.assign(socket.data, { actor, address: '127.0.0.1' })
      socket.on('follow', (input: unknown, ack: (reply: unknown) => void) => {
        void follow?.({ input, key: undefined }, callerOf(socket), socket, 'test').then(ack)
      })
    })
    await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
    const { port } = http.address() as AddressInfo
    const client = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true })
    const frames: EventFrame[] = []
    client.on('events', (frame: EventFrame) => frames.push(frame))
    const { data } = (await client.emitWithAck('follow', { channel })) as { data: CatchUp }
    client.disconnect()
    await server.close()
    expect([...frames.flatMap(({ events }) => events), ...data.events].map(({ offset }) => offset)).toContain(1)
  })
})

describe('the channel cache', () => {
  it('rejects events that do not continue it', async () => {
    const channel = newChannel()
    const { append } = await logEvents(channel, 3)
    expect(await append(1, 1)).toEqual({ repeated: 0 })
    expect(await append(3, 3)).toEqual({ gap: 1 })
    expect(await kernel.app.channelCache.readAfter(channel, 0, 10)).toMatchObject({ latestOffset: 1 })
    expect(await append(2, 3)).toEqual({ repeated: 0 })
    expect(offsetsOf((await kernel.app.channelCache.readAfter(channel, 0, 10))?.events)).toEqual([1, 2, 3])
  })

  it('appends nothing twice, although two relays overlap', async () => {
    const channel = newChannel()
    const { append } = await logEvents(channel, 4)
    for (const [first, last, repeated] of [
      [1, 2, 0],
      [1, 2, 2],
      [2, 4, 1],
      [2, 3, 2],
    ] as const)
      expect(await append(first, last)).toEqual({ repeated })
    const copy = await kernel.app.channelCache.readAfter(channel, 0, 10)
    expect({ top: copy?.latestOffset, offsets: offsetsOf(copy?.events) }).toEqual({ top: 4, offsets: [1, 2, 3, 4] })
  })
})

describe('the client', () => {
  const frame = (...offsets: number[]) => ({
    channel: 'track:1',
    epoch: 'a',
    events: offsets.map(offset => ({ offset, id: String(offset), name: 'a.b', at: '', data: {} })),
  })
  const newSequence = () => new Sequence({ epoch: 'a', offset: 0 })

  it('delivers no event after a gap until it is filled', () => {
    const sequence = newSequence()
    expect(offsetsOf(sequence.receive(frame(1)).events)).toEqual([1])
    expect(sequence.receive(frame(3))).toMatchObject({ events: [], isMissing: true })
    expect(offsetsOf(sequence.receive(frame(2)).events)).toEqual([2, 3])
  })

  it('delivers nothing twice', () => {
    const sequence = newSequence()
    expect(offsetsOf(sequence.receive(frame(1, 2)).events)).toEqual([1, 2])
    expect(offsetsOf(sequence.receive(frame(1, 2)).events)).toEqual([])
    expect(offsetsOf(sequence.receive(frame(2, 3)).events)).toEqual([3])
  })
})

/** Emits an event and relays it. */
async function emitAndAppend(channel: string): Promise<void> {
  const { append } = await logEvents(channel, 1)
  await append(1, 1)
}

async function listenTo(hub: Hub, channel: string): Promise<AsyncDisposable & { offsets: number[] }> {
  const subscription = await hub.subscribe(channel)
  const offsets: number[] = []
  const stopListening = hub.listen(channel, ({ events }) => offsets.push(...events.map(({ offset }) => offset)))
  return {
    offsets,
    [Symbol.asyncDispose]: async () => {
      stopListening()
      subscription.release()
    },
  }
}
