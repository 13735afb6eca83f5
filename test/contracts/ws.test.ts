import { connectionsOf, webSocketOf } from '../../realtime/connection/close-transport'
import { waitUntil } from '../kernel/wait-until'
import { describeContract } from './describe-contract'
import { openSocketServer } from './open-socket-server'

describeContract('ws', '8.23', 'realtime/connection/close-transport.ts and slow-followers.ts', () => {
  it('`bufferedAmount` is what the operating system has not taken yet', async () => {
    await using server = await openSocketServer()
    const connected = new Promise<void>(resolve => server.io.once('connection', () => resolve()))
    const raw = await server.connectRaw()
    raw.send('40')
    await connected
    const [socket] = [...server.io.sockets.sockets.values()]
    raw.pause()
    const wire = socket === undefined ? undefined : webSocketOf(socket.conn)
    expect(wire?.bufferedAmount).toBe(0)
    for (let n = 0; n < 64; n += 1) socket?.emit('much', 'x'.repeat(256 * 1024))
    await waitUntil(() => (wire?.bufferedAmount ?? 0) > 0)
  })

  it('`terminate` cuts a connection whose peer reads nothing', async () => {
    await using server = await openSocketServer()
    const raw = await server.connectRaw()
    raw.pause()
    const [conn] = Object.values(connectionsOf(server.io))
    const wire = conn === undefined ? undefined : webSocketOf(conn)
    wire?.terminate()
    await waitUntil(() => server.io.engine.clientsCount === 0)
  })
})
