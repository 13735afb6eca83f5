import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { Server, type ServerOptions, type Socket } from 'socket.io'
import { io as createClient, type Socket as ClientSocket } from 'socket.io-client'
import { WebSocket } from 'ws'

/** A Socket.IO server on a free port, with clients that do not reconnect. */
export async function openSocketServer(options: Partial<ServerOptions> = {}) {
  const http = createServer()
  const io = new Server(http, { perMessageDeflate: false, ...options })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo
  const clients: ClientSocket[] = []
  const rawClients: WebSocket[] = []

  return {
    io,
    port,

    /** A client that connects; its server-side socket is what `connect` waits for. */
    open(transport: 'websocket' | 'polling' = 'websocket'): ClientSocket {
      const client = createClient(`http://127.0.0.1:${port}`, {
        transports: [transport],
        forceNew: true,
        reconnection: false,
      })
      clients.push(client)
      return client
    },

    async connect(transport?: 'websocket' | 'polling'): Promise<{ client: ClientSocket; socket: Socket }> {
      const connected = new Promise<Socket>(resolve => io.once('connection', resolve))
      const client = this.open(transport)
      const [socket] = await Promise.all([connected, new Promise<void>(resolve => client.once('connect', resolve))])
      return { client, socket }
    },

    /** A WebSocket at the level of Engine.IO, which has sent no CONNECT. */
    async connectRaw(): Promise<WebSocket> {
      const raw = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`)
      rawClients.push(raw)
      await once(raw, 'message')
      return raw
    },

    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.disconnect()
      for (const raw of rawClients) raw.terminate()
      await io.close()
    },
  }
}
