import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { Server, type Socket as ServerSocket } from 'socket.io'
import { io } from 'socket.io-client'
import { Sequence } from '../../client/sequence'
import { createEngine } from '../../kernel/engine'
import { newId } from '../../kernel/ids'
import { type CatchUp, type StreamEvent, type StreamFrame } from '../../kernel/stream'
import { followCalls, holdRooms } from '../../realtime/channels'
import { socketOutlet } from '../../realtime/deliver'
import { callerOf } from '../../realtime/dispatch'
import { type Hub, openHub, type Outlet } from '../../realtime/log/hub'
import { product } from '../../skills'
import { announce, numbers } from '../announce'
import { type OwnWorld, ownWorld } from '../kernel/own-world'
import { until } from '../kernel/until'

/**
 * Each rule that the promise rests on, in a race that is won on purpose: no relay runs here, so that what reaches Redis,
 * and when, is the test's to say. `test/mutations.test.ts` takes the rules away one by one, and each time something here must fail.
 */
let own: OwnWorld
beforeAll(async () => {
  own = await ownWorld({ product })
})
afterAll(() => own[Symbol.asyncDispose]())

const someChannel = () => `user:${newId(new Date())}`
const offsetsOf = (events: readonly StreamEvent[] | undefined) => events?.map(({ offset }) => offset)

/** So many events of a channel, in PostgreSQL alone. */
async function logged(channel: string, count: number) {
  await announce(own.world, channel, numbers(1, count + 1))
  const { epoch, events } = await own.world.channels.after(channel, 0, count)
  const some = (first: number, last: number) => events.slice(first - 1, last)
  return {
    /** As a relay does it. */
    append: (first: number, last: number) => own.world.channelCache.append(channel, epoch, some(first, last)),
    /** As it is heard when relays overlap, or when Redis forgot what it had: past the rules of the copy. */
    publish: async (first: number, last: number) => {
      const frame = { epoch, sentAt: own.clock.now(), events: some(first, last) }
      await own.world.redis.commands.publish(own.world.channelCache.topic(channel), JSON.stringify(frame))
    },
  }
}

interface Ear extends AsyncDisposable {
  hub: Hub
  heard: number[]
}

async function openEar(): Promise<Ear> {
  const heard: number[] = []
  const outlet: Outlet = {
    deliver: ({ events }) => heard.push(...events.map(({ offset }) => offset)),
    restarted: () => heard.push(-1),
  }
  const hub = openHub(own.world, outlet)
  return { hub, heard, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() }
}

const hubGaps = async () => {
  const { values } = await own.world.metrics.gaps.get()
  return values.find(({ labels }) => labels.where === 'hub')?.value ?? 0
}

describe('the hub', () => {
  it('fills a gap before it delivers what is behind it', async () => {
    await using ear = await openEar()
    const channel = someChannel()
    await ear.hub.hold(channel)
    const { publish } = await logged(channel, 4)
    const before = await hubGaps()
    await publish(1, 1)
    await publish(4, 4)
    await until(() => ear.heard.includes(4))
    expect(ear.heard).toEqual([1, 2, 3, 4])
    expect(await hubGaps()).toBe(before + 1)
    expect((await ear.hub.catchUp(channel)).top).toBe(4)
  })

  it('delivers nothing twice, however often and however cut it is heard', async () => {
    await using ear = await openEar()
    const channel = someChannel()
    await ear.hub.hold(channel)
    const { publish } = await logged(channel, 6)
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
    await until(() => ear.heard.includes(6))
    expect(ear.heard).toEqual([1, 2, 3, 4, 5, 6])
    // To hear something again is no gap, and costs no read.
    expect(await hubGaps()).toBe(before)
  })

  it('listens before it looks where a channel is', async () => {
    await using ear = await openEar()
    const channel = someChannel()
    const { subscriber } = own.world.redis
    const subscribe = subscriber.subscribe.bind(subscriber)
    // At the last moment before Redis hears of the wish, something happens: nobody will tell us of it.
    const subscribing = jest.spyOn(subscriber, 'subscribe').mockImplementation(async (...topics: unknown[]) => {
      if (topics[0] === own.world.channelCache.topic(channel)) await announceAndAppend(channel)
      return subscribe(...(topics as string[]))
    })
    const hold = await ear.hub.hold(channel)
    subscribing.mockRestore()
    const { epoch } = await own.world.channels.position(channel)
    const caught = await ear.hub.catchUp(channel, { epoch, offset: 0 })
    expect({ top: caught.top, offsets: offsetsOf(caught.events) }).toEqual({ top: 1, offsets: [1] })
    hold.release()
  })
})

describe('a follow', () => {
  it('joins the room before it reads the log: what happens between the two is heard', async () => {
    const http = createServer()
    const server = new Server(http)
    const engine = createEngine(own.world, product)
    const others = { askRightsAgain: async () => undefined, restarted: () => undefined }
    await using hub = openHub(
      own.world,
      socketOutlet(engine, server, () => others),
    )
    holdRooms(own.world, server, hub)
    const actor = { id: newId(new Date()), roles: [] }
    const channel = `user:${actor.id}`
    await using delivered = await listenTo(hub, channel)

    // The state is read last: as soon as it is asked for, an event happens and is delivered to whoever is in the room.
    const stateOf = async () => {
      await announceAndAppend(channel)
      await until(() => delivered.offsets.includes(1))
      return {}
    }
    const follow = new Map(followCalls(engine, { hub, stateOf, spend: () => undefined })).get('channel.follow')
    server.on('connection', (socket: ServerSocket) => {
      Object.assign(socket.data, { actor, address: '127.0.0.1' })
      socket.on('follow', (input: unknown, ack: (reply: unknown) => void) => {
        void follow?.({ input, key: undefined }, callerOf(socket), socket, 'test').then(ack)
      })
    })
    await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
    const { port } = http.address() as AddressInfo
    const client = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true })
    const frames: StreamFrame[] = []
    client.on('events', (frame: StreamFrame) => frames.push(frame))
    const { data } = (await client.emitWithAck('follow', { channel })) as { data: CatchUp }
    client.disconnect()
    await server.close()
    expect([...frames.flatMap(({ events }) => events), ...data.events].map(({ offset }) => offset)).toContain(1)
  })
})

describe('the copy in Redis', () => {
  it('takes nothing that does not continue it', async () => {
    const channel = someChannel()
    const { append } = await logged(channel, 3)
    expect(await append(1, 1)).toEqual({ repeated: 0 })
    expect(await append(3, 3)).toEqual({ gap: 1 })
    expect(await own.world.channelCache.after(channel, 0, 10)).toMatchObject({ top: 1 })
    expect(await append(2, 3)).toEqual({ repeated: 0 })
    expect(offsetsOf((await own.world.channelCache.after(channel, 0, 10))?.events)).toEqual([1, 2, 3])
  })

  it('takes nothing twice, though two relays overlap', async () => {
    const channel = someChannel()
    const { append } = await logged(channel, 4)
    for (const [first, last, repeated] of [
      [1, 2, 0],
      [1, 2, 2],
      [2, 4, 1],
      [2, 3, 2],
    ] as const)
      expect(await append(first, last)).toEqual({ repeated })
    const copy = await own.world.channelCache.after(channel, 0, 10)
    expect({ top: copy?.top, offsets: offsetsOf(copy?.events) }).toEqual({ top: 4, offsets: [1, 2, 3, 4] })
  })
})

describe('the client', () => {
  const frame = (...offsets: number[]) => ({
    channel: 'track:1',
    epoch: 'a',
    events: offsets.map(offset => ({ offset, id: String(offset), name: 'a.b', at: '', data: {} })),
  })
  const begun = () => new Sequence({ epoch: 'a', offset: 0 })

  it('gives nothing from behind a gap until it is filled', () => {
    const sequence = begun()
    expect(offsetsOf(sequence.hear(frame(1)).events)).toEqual([1])
    expect(sequence.hear(frame(3))).toMatchObject({ events: [], isMissing: true })
    expect(offsetsOf(sequence.hear(frame(2)).events)).toEqual([2, 3])
  })

  it('gives nothing twice', () => {
    const sequence = begun()
    expect(offsetsOf(sequence.hear(frame(1, 2)).events)).toEqual([1, 2])
    expect(offsetsOf(sequence.hear(frame(1, 2)).events)).toEqual([])
    expect(offsetsOf(sequence.hear(frame(2, 3)).events)).toEqual([3])
  })
})

/** Something happens, and a relay hands it on. */
async function announceAndAppend(channel: string): Promise<void> {
  const { append } = await logged(channel, 1)
  await append(1, 1)
}

async function listenTo(hub: Hub, channel: string): Promise<AsyncDisposable & { offsets: number[] }> {
  const hold = await hub.hold(channel)
  const offsets: number[] = []
  const deafen = hub.listen(channel, ({ events }) => offsets.push(...events.map(({ offset }) => offset)))
  return {
    offsets,
    [Symbol.asyncDispose]: async () => {
      deafen()
      hold.release()
    },
  }
}
