import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { Server, type Socket } from 'socket.io'
import { io, type Socket as Client } from 'socket.io-client'
import { createPipeline } from '../../kernel/pipeline/pipeline'
import { createLog } from '../../kernel/platform/log'
import { createMetrics } from '../../kernel/platform/metrics'
import { type CatchUp, type EventFrame } from '../../kernel/events/frames'
import { openGateway } from '../../realtime/gateway'
import { startRelay } from '../../realtime/log/relay'
import {
  laggingRoom,
  slowLimits,
  type SlowLimits,
  slowRoom,
  monitorSlowFollowers,
} from '../../realtime/connection/slow-followers'
import { addNote, notesRegistry, notesTable } from '../kernel/notes'
import { createTestKernel } from '../kernel/test-kernel'
import { waitUntil } from '../kernel/wait-until'
import { RawSocket } from './raw-socket'

const piece = 'x'.repeat(32 * 1024)
const parts: AsyncDisposable[] = []
afterEach(async () => {
  for (const part of parts.splice(0).reverse()) await part[Symbol.asyncDispose]()
})

describe('a follower that does not read', () => {
  it('is skipped while a neighbour receives everything, and misses nothing after it reads again', async () => {
    const { kernel, gateway, port } = await gatewayOf()
    const token = await kernel.issuer.issueToken('ann')
    const neighbour = connect(port, { auth: { token } })
    const pipeline = createPipeline(kernel.app, notesRegistry)
    const { actor } = await pipeline.authenticate(token, '')
    const channel = `user:${actor.id}`
    const received = eventsOf(neighbour, channel)
    const { data: start } = (await neighbour.emitWithAck('channel.follow', { input: { channel } })) as { data: CatchUp }

    const raw = await RawSocket.connect(port, token)
    parts.push(raw)
    raw.send(`421["channel.follow",{"input":{"channel":"${channel}"}}]`)
    await raw.waitFor(text => text.startsWith('431['))
    const addNotes = async (count: number) => {
      for (let index = 0; index < count; index += 1) await kernel.call(addNote, { body: `note ${index}` }, { actor })
    }
    await addNotes(2)
    await raw.waitFor(text => text.includes('note 1'))

    raw.pause()
    const rooms = gateway.io.sockets.adapter.rooms
    await waitUntil(() => {
      // Like `state` until the follower is slow, then like messages that only lagging followers skip.
      const exceptRoom = rooms.has(slowRoom) ? laggingRoom : slowRoom
      for (let index = 0; index < 4; index += 1) gateway.io.local.to(channel).except(exceptRoom).emit('noise', piece)
      return rooms.has(laggingRoom)
    })
    await addNotes(5)
    await waitUntil(() => received().length === 7)
    expect(await queueBytes(kernel.app.metrics)).toBeLessThan(8 * 1024 * 1024)

    raw.resume()
    const resync = await raw.waitFor(text => text.startsWith('42["resync"'))
    expect(JSON.parse(resync.slice(2))).toEqual(['resync', { channels: [channel] }])
    expect([rooms.has(slowRoom), rooms.has(laggingRoom)]).toEqual([false, false])
    const last = rawEvents(raw, channel).at(-1)
    const after = { epoch: start.epoch, offset: last?.offset ?? 0 }
    expect(last?.offset).toBe(start.latestOffset + 2)
    raw.send(`422["channel.follow",${JSON.stringify({ input: { channel, after } })}]`)
    const answer = await raw.waitFor(text => text.startsWith('432['))
    const [{ data: caught }] = JSON.parse(answer.slice(3)) as [{ data: CatchUp }]
    expect(caught).toMatchObject({ recovered: true, hasMore: false, latestOffset: start.latestOffset + 7 })
    expect(caught.events.map(({ id }) => id)).toEqual(
      received()
        .slice(2)
        .map(({ id }) => id),
    )
    expect(neighbour.connected).toBe(true)
  }, 40_000)

  it('is closed above a megabyte of queued data, and can reconnect', async () => {
    const { server, port, metrics } = await bareServer()
    const neighbour = connect(port)
    await waitUntil(() => neighbour.connected)
    const raw = await follower(port)
    raw.pause()
    // Messages that are never skipped are bounded too.
    const closed = waitUntil(() => {
      if (server.sockets.sockets.size === 1) return true
      for (let index = 0; index < 20; index += 1) server.to('room').emit('noise', piece)
      return false
    })
    let most = 0
    const sampler = setInterval(() => void queueBytes(metrics).then(bytes => (most = Math.max(most, bytes))), 20)
    await closed
    clearInterval(sampler)
    expect(most).toBeGreaterThan(slowLimits.closedBytesMax)
    expect(await steps(metrics)).toEqual({ lagging: 1, closed: 1 })
    raw.resume()
    await raw.untilClosed()
    expect(neighbour.connected).toBe(true)
    await using again = await follower(port)
    expect(again.closed).toBe(false)
    await waitUntil(async () => (await queueBytes(metrics)) === 0)
  })

  it('receives the close reason if it reads again in time', async () => {
    const { server, port } = await bareServer()
    const raw = await follower(port)
    raw.pause()
    await waitUntil(() => {
      const [socket] = server.sockets.sockets.values()
      if (socket?.conn.readyState === 'closing') return true
      for (let index = 0; index < 20; index += 1) server.to('room').emit('noise', piece)
      return false
    })
    raw.resume()
    const closed = await raw.waitFor(text => text.startsWith('42["connection.closed"'))
    expect(JSON.parse(closed.slice(2))).toEqual([
      'connection.closed',
      expect.objectContaining({ code: 'slow_consumer', status: 429, retryAfter: 1 }),
    ])
    await raw.untilClosed()
  })

  it('is closed with little queued data too, if nothing drains for long', async () => {
    const { server, port, metrics } = await bareServer({ sweepMs: 20, laggingAfterMs: 200, closedAfterMs: 600 })
    const raw = await follower(port)
    raw.pause()
    const [socket] = server.sockets.sockets.values()
    if (socket === undefined) throw new Error('no socket is connected')
    // Until the kernel buffer is full; then nothing more is written to it.
    await waitUntil(() => {
      server.to('room').except(laggingRoom).emit('noise', piece)
      return !socket.conn.transport.writable && isLagging(socket)
    })
    await waitUntil(() => !socket.connected)
    expect(await steps(metrics)).toMatchObject({ lagging: 1, closed: 1 })
  })
})

describe('a follower over long-polling', () => {
  it('that does not poll lags, and receives resync when it polls', async () => {
    const { server, port } = await bareServer({ sweepMs: 20 })
    const poll = await polling(port)
    const [socket] = server.sockets.sockets.values()
    await socket?.join(['room', 'track:1'])
    for (let index = 0; index < 10; index += 1) server.to('room').except(laggingRoom).emit('noise', piece)
    await waitUntil(() => server.sockets.adapter.rooms.has(laggingRoom))
    server.to('room').except(laggingRoom).emit('left-out')
    let text = ''
    while (!text.includes('resync')) text += await poll()
    expect(text.split('noise')).toHaveLength(11)
    expect(text).not.toContain('left-out')
    expect(text).toContain('42["resync",{"channels":["track:1"]}]')
  })

  it('that polls is never slow, even if data is often queued between polls', async () => {
    const { server, port, metrics } = await bareServer({ sweepMs: 5 })
    const poll = await polling(port)
    const [socket] = server.sockets.sockets.values()
    await socket?.join('room')
    for (let turn = 0; turn < 20; turn += 1) {
      server.to('room').emit('noise', piece)
      await poll()
    }
    expect(await steps(metrics)).toEqual({})
  })

  it('that never polls again is closed without waiting for a poll', async () => {
    const { server, port } = await bareServer({ sweepMs: 20, laggingAfterMs: 100, closedAfterMs: 200 })
    const poll = await polling(port)
    server.emit('noise', piece)
    await waitUntil(() => server.sockets.sockets.size === 0)
    expect(await poll()).toContain('Session ID unknown')
  })
})

it('a follower that was slow but not lagging receives no resync; others learn that it has recovered', async () => {
  const { server, port, metrics, drained } = await bareServer({ sweepMs: 20, slowBytesMax: 30_000 })
  const poll = await polling(port)
  const [socket] = server.sockets.sockets.values()
  await socket?.join('room')
  server.to('room').emit('noise', piece)
  await waitUntil(() => server.sockets.adapter.rooms.has(slowRoom))
  server.to('room').except(slowRoom).emit('state')
  const text = await poll()
  await waitUntil(() => drained.length === 1)
  expect(drained).toEqual([socket?.id])
  server.emit('last')
  const more = await poll()
  expect([text + more].join().includes('resync')).toBe(false)
  expect(text + more).not.toContain('42["state"]')
  expect(await steps(metrics)).toEqual({ slow: 1 })
})

it('a listener that throws affects no other listener', async () => {
  const { server, port, slow, drained } = await bareServer({ sweepMs: 20, slowBytesMax: 30_000 })
  slow.onRecovered(() => {
    throw new Error('a bug')
  })
  const poll = await polling(port)
  for (let turn = 1; turn < 3; turn += 1) {
    server.emit('noise', piece)
    await waitUntil(() => server.sockets.adapter.rooms.has(slowRoom))
    await poll()
    await waitUntil(() => drained.length === turn)
  }
})

/** A gateway on the real log, with its `io` exposed. */
async function gatewayOf() {
  const kernel = await createTestKernel({ registry: notesRegistry, tables: notesTable })
  parts.push(kernel)
  const http = createServer()
  const gateway = openGateway(http, createPipeline(kernel.app, notesRegistry))
  parts.push(gateway)
  parts.push(startRelay(kernel.app, notesRegistry))
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  return { kernel, gateway, port: (http.address() as AddressInfo).port }
}

/** Only Socket.IO and the monitor; every client except long-polling ones joins `room`. */
async function bareServer(limits: Partial<SlowLimits> = {}) {
  const http = createServer()
  const server = new Server(http)
  const metrics = createMetrics()
  const slow = monitorSlowFollowers({ metrics, log: createLog('silent') }, server, { ...slowLimits, ...limits })
  const drained: string[] = []
  slow.onRecovered(({ id }) => drained.push(id))
  server.on('connection', socket => {
    if (socket.conn.transport.name === 'websocket') void socket.join('room')
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  parts.push({
    [Symbol.asyncDispose]: async () => {
      slow[Symbol.dispose]()
      http.closeAllConnections()
      await server.close()
    },
  })
  return { server, metrics, slow, drained, port: (http.address() as AddressInfo).port }
}

async function follower(port: number): Promise<RawSocket> {
  const raw = await RawSocket.open(port)
  parts.push(raw)
  raw.send('40')
  await raw.waitFor(text => text.startsWith('40'))
  return raw
}

function connect(port: number, options: Parameters<typeof io>[1] = {}): Client {
  const client = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true, ...options })
  parts.push({ [Symbol.asyncDispose]: async () => void client.disconnect() })
  return client
}

/** Connects by hand; each call of the result is one poll. */
async function polling(port: number): Promise<() => Promise<string>> {
  const url = `http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`
  const opened = await (await fetch(url)).text()
  const { sid } = JSON.parse(opened.slice(1)) as { sid: string }
  await fetch(`${url}&sid=${sid}`, { method: 'POST', body: '40' })
  const poll = async () => (await fetch(`${url}&sid=${sid}`)).text()
  expect(await poll()).toMatch(/^40/)
  return poll
}

function eventsOf(client: Client, channel: string) {
  const received: EventFrame['events'][number][] = []
  client.on('events', (frame: EventFrame) => {
    if (frame.channel === channel) received.push(...frame.events)
  })
  return () => received
}

const rawEvents = (raw: RawSocket, channel: string) =>
  raw.received
    .filter(text => text.startsWith('42["events"'))
    .map(text => (JSON.parse(text.slice(2)) as [string, EventFrame])[1])
    .filter(frame => frame.channel === channel)
    .flatMap(({ events }) => events)

const isLagging = (socket: Socket): boolean => socket.rooms.has(laggingRoom)

type Metrics = ReturnType<typeof createMetrics>

const queueBytes = async ({ socketBufferBytes }: Metrics): Promise<number> =>
  (await socketBufferBytes.get()).values[0]?.value ?? 0

const steps = async ({ slowConsumerSteps }: Metrics): Promise<Record<string, number>> =>
  Object.fromEntries((await slowConsumerSteps.get()).values.map(({ labels, value }) => [String(labels.step), value]))
