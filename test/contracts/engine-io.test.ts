import { once } from 'node:events'
import { ServerResponse } from 'node:http'
import { closeTransport, connectionsOf, sendQueueOf, webSocketOf } from '../../realtime/connection/close-transport'
import { releaseHandshake } from '../../realtime/connection/release-handshake'
import { waitUntil } from '../kernel/wait-until'
import { describeContract } from './describe-contract'
import { openSocketServer } from './open-socket-server'

describeContract('engine.io', '6.6', 'realtime/connection', () => {
  it('`clients` holds every connection by its id, also before CONNECT, as `clientsCount` counts', async () => {
    await using server = await openSocketServer()
    expect(connectionsOf(server.io)).toEqual({})
    await server.connectRaw()
    const [[id, conn] = []] = Object.entries(connectionsOf(server.io))
    expect(conn).toMatchObject({ id, readyState: 'open' })
    expect(server.io.engine.clientsCount).toBe(1)
    expect(server.io.sockets.sockets.size).toBe(0)
    conn?.close(true)
    await waitUntil(() => server.io.engine.clientsCount === 0)
    expect(connectionsOf(server.io)).toEqual({})
  })

  it('`writeBuffer` is replaced at every flush, and keeps what the transport cannot take yet', async () => {
    await using server = await openSocketServer()
    const { socket } = await server.connect()
    const { conn } = socket
    await waitUntil(() => conn.transport.writable)
    const first = sendQueueOf(conn)
    expect(first).toEqual([])
    conn.write('2["one"]')
    const second = sendQueueOf(conn)
    expect(second).not.toBe(first)
    expect({ flushed: first.map(({ data }) => data), waiting: second }).toEqual({ flushed: ['2["one"]'], waiting: [] })
    expect(conn.transport.writable).toBe(false)
    conn.write('2["two"]')
    expect(sendQueueOf(conn)).toBe(second)
    expect(second.map(({ data }) => data)).toEqual(['2["two"]'])
    await waitUntil(() => conn.transport.writable)
    expect(sendQueueOf(conn)).not.toBe(second)
  })

  it('`transport.socket` of a WebSocket is that of ws; a long-polling transport has none', async () => {
    await using server = await openSocketServer()
    const { client, socket } = await server.connect()
    const polling = await server.connect('polling')
    const wire = webSocketOf(socket.conn)
    expect(socket.conn.transport.name).toBe('websocket')
    expect(wire?.bufferedAmount).toBe(0)
    expect(webSocketOf(polling.socket.conn)).toBeUndefined()
    const closed = new Promise(resolve => client.once('disconnect', resolve))
    wire?.terminate()
    expect(await closed).toBe('transport close')
  })

  it('`close()` sends the queue first, and the client sees a transport close', async () => {
    await using server = await openSocketServer()
    const { client, socket } = await server.connect()
    const received: unknown[] = []
    client.on('bye', (message: unknown) => received.push(message))
    const closed = new Promise(resolve => client.once('disconnect', resolve))
    for (let n = 0; n < 3; n += 1) socket.emit('bye', n)
    closeTransport(socket.conn)
    expect(await closed).toBe('transport close')
    expect(received).toEqual([0, 1, 2])
  })

  it('`close(true)` ends a connection at once, also one that is closing already', async () => {
    await using server = await openSocketServer()
    const { socket } = await server.connect()
    const closed = once(socket.conn, 'close')
    socket.emit('bye')
    socket.conn.close()
    socket.conn.close(true)
    await closed
    expect(socket.conn.readyState).toBe('closed')
  })

  it('`write` of a CONNECT_ERROR packet reaches a client that waits for CONNECT', async () => {
    await using server = await openSocketServer()
    // Nobody calls next: the client waits.
    server.io.use(() => undefined)
    const client = server.open()
    const refused = new Promise<Error & { data?: unknown }>(resolve => client.once('connect_error', resolve))
    await waitUntil(() => server.io.engine.clientsCount === 1)
    for (const conn of Object.values(connectionsOf(server.io))) conn.write('4{"message":"no","data":{"code":"x"}}')
    expect(await refused).toMatchObject({ message: 'no', data: { code: 'x' } })
  })

  it('`packet` comes before the packet is decoded, with the connection as `this`; text with 0 is CONNECT', async () => {
    await using server = await openSocketServer()
    const packets: { isOwn: boolean; type: string; data: unknown }[] = []
    server.io.engine.on('connection', (conn: { on(name: string, listener: unknown): void }) => {
      conn.on('packet', function (this: unknown, { type, data }: { type: string; data?: unknown }) {
        packets.push({ isOwn: this === conn, type, data })
      })
    })
    const { client } = await server.connect()
    client.emit('hello')
    await waitUntil(() => packets.length === 2)
    expect(packets).toEqual([
      { isOwn: true, type: 'message', data: '0' },
      { isOwn: true, type: 'message', data: '2["hello"]' },
    ])
  })

  it('`use` is called for polling with a ServerResponse, for upgrades without; `request.socket` can be answered', async () => {
    await using server = await openSocketServer()
    const seen: boolean[] = []
    server.io.engine.use((request: { socket: { end(text: string): void } }, response: unknown, next: () => void) => {
      seen.push(response instanceof ServerResponse)
      if (response instanceof ServerResponse) next()
      else request.socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n')
    })
    await server.connect('polling')
    expect(seen.length).toBeGreaterThan(0)
    expect(new Set(seen)).toEqual(new Set([true]))
    const refused = new Promise<Error>(resolve => server.open().once('connect_error', resolve))
    expect(await refused).toMatchObject({ message: 'websocket error' })
    expect(seen.at(-1)).toBe(false)
  })

  it.each(['websocket', 'polling'] as const)('a connection over %s works without its request', async transport => {
    await using server = await openSocketServer()
    const { client, socket } = await server.connect(transport)
    releaseHandshake(socket)
    socket.on('ask', (answer: (text: string) => void) => answer('yes'))
    expect(await client.timeout(5_000).emitWithAck('ask')).toBe('yes')
    const closed = new Promise(resolve => socket.once('disconnect', resolve))
    client.disconnect()
    expect(await closed).toBe('client namespace disconnect')
  })
})
