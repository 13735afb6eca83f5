import { type Namespace, type Socket } from 'socket.io'
import { Adapter } from 'socket.io-adapter'
import { waitUntil } from '../kernel/wait-until'
import { describeContract } from './describe-contract'
import { openSocketServer } from './open-socket-server'

describeContract('socket.io', '4.8', 'realtime', () => {
  it('`adapter` is called with `new` and may return another object', async () => {
    const calls: boolean[] = []
    const created: Adapter[] = []
    function construct(namespace: Namespace): Adapter {
      calls.push((new.target as unknown) !== undefined)
      const adapter = new Adapter(namespace)
      created.push(adapter)
      return adapter
    }
    await using server = await openSocketServer({ adapter: construct as never })
    expect(server.io.of('/').adapter).toBe(created[0])
    expect(calls).toEqual([true])
  })

  it('on a disconnect rooms are left before the socket leaves `sockets.sockets`, and after `disconnecting`', async () => {
    await using server = await openSocketServer()
    const { client, socket } = await server.connect()
    await socket.join('a:1')
    const steps: unknown[] = []
    socket.on('disconnecting', function (this: unknown, reason: string) {
      steps.push([reason, this === socket, socket.rooms.has('a:1')])
    })
    server.io.of('/').adapter.on('leave-room', (room: string, id: string) => {
      if (room === 'a:1') steps.push(['left', server.io.sockets.sockets.has(id)])
    })
    socket.on('disconnect', () => steps.push(['gone', server.io.sockets.sockets.has(socket.id)]))
    client.disconnect()
    await waitUntil(() => steps.length === 3)
    expect(steps).toEqual([
      ['client namespace disconnect', true, true],
      ['left', true],
      ['gone', false],
    ])
  })

  it('`disconnecting` has another reason when the connection is lost', async () => {
    await using server = await openSocketServer()
    const { client, socket } = await server.connect()
    const reason = new Promise(resolve => socket.once('disconnecting', resolve))
    client.io.engine.close()
    expect(await reason).toBe('transport close')
  })

  it('`disconnect(true)` leaves all rooms at once, and its client does not reconnect', async () => {
    await using server = await openSocketServer()
    const { client, socket } = await server.connect()
    await socket.join('a:1')
    const reason = new Promise(resolve => client.once('disconnect', resolve))
    socket.disconnect(true)
    expect([...socket.rooms]).toEqual([])
    expect(await reason).toBe('io server disconnect')
    expect(client.active).toBe(false)
  })

  it('`io.close` is a transport close to its clients', async () => {
    const server = await openSocketServer()
    const { client } = await server.connect()
    const reason = new Promise(resolve => client.once('disconnect', resolve))
    await server[Symbol.asyncDispose]().catch(() => undefined)
    expect(['transport close', 'io client disconnect']).toContain(await reason)
  })

  it('`onAny` has the socket as `this` and the acknowledgement last', async () => {
    await using server = await openSocketServer()
    const { client, socket } = await server.connect()
    socket.onAny(function (this: Socket, name: string, ...sent: unknown[]) {
      const answer = sent.at(-1) as (reply: unknown) => void
      answer({ isOwn: this === socket, name, sent: sent.slice(0, -1) })
    })
    expect(await client.timeout(5_000).emitWithAck('call', { input: 1 })).toEqual({
      ...{ isOwn: true, name: 'call', sent: [{ input: 1 }] },
    })
  })

  it('an invalid packet is an `error` event with an Error while the socket is connected, then the connection closes', async () => {
    await using server = await openSocketServer()
    const connected = new Promise<Socket>(resolve => server.io.once('connection', resolve))
    const raw = await server.connectRaw()
    raw.send('40')
    const socket = await connected
    const seen: unknown[] = []
    socket.on('error', error => seen.push([error instanceof Error, socket.connected]))
    socket.on('disconnect', reason => seen.push(reason))
    raw.send('42["x')
    await waitUntil(() => seen.length === 2)
    expect(seen).toEqual([[true, true], 'forced close'])
  })

  it('an event that a client names `error` has no Error', async () => {
    await using server = await openSocketServer()
    const connected = new Promise<Socket>(resolve => server.io.once('connection', resolve))
    const raw = await server.connectRaw()
    raw.send('40')
    const socket = await connected
    const seen = new Promise<unknown>(resolve => socket.on('error', resolve))
    raw.send('42["error","mine"]')
    expect(await seen).toBe('mine')
  })

  it('`handshake` may be emptied, and `local` emits to this node except a room', async () => {
    await using server = await openSocketServer()
    const [one, other] = [await server.connect(), await server.connect()]
    for (const { socket } of [one, other]) await socket.join('a:1')
    await other.socket.join('slow')
    Object.assign(one.socket.handshake, { headers: {}, auth: {}, query: {}, url: '' })
    const received: string[] = []
    one.client.on('state', () => received.push('one'))
    other.client.on('state', () => received.push('other'))
    server.io.local.to('a:1').except('slow').emit('state')
    server.io.local.to('a:1').emit('end')
    await new Promise(resolve => other.client.once('end', resolve))
    await waitUntil(() => received.length > 0)
    expect(received).toEqual(['one'])
  })
})
