import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type AddressInfo } from 'node:net'

/** A TCP proxy to a node that can cut connections. */
export interface TcpProxy extends AsyncDisposable {
  url: string
  /** Closes all connections, as a network failure does. */
  cut(): void
  /** Closes all connections when the server sends its next bytes, which are lost; later connections work. */
  cutAtNextResponse(): void
  /** Starts or stops refusing new connections. */
  refuseConnections(isRefusing: boolean): void
  /** Forwards new connections to another node; open ones stay. */
  routeTo(target: string): void
  /** Closes a connection when it sends a matching request, as a proxy without support for it may do. */
  blockRequests(request?: RegExp): void
}

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  let port = Number(new URL(target).port)
  const open = new Set<Socket>()
  let losesAnswers = false
  let isRefusing = false
  let blocked: RegExp | undefined
  const cut = () => {
    losesAnswers = false
    for (const socket of open) socket.destroy()
  }
  const server = createServer(client => {
    if (isRefusing) {
      client.destroy()
      return
    }
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (bytes: Buffer) => {
      if (blocked?.test(bytes.toString('latin1')) === true) client.destroy()
      else upstream.write(bytes)
    })
    upstream.on('data', bytes => (losesAnswers ? cut() : client.write(bytes)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    cutAtNextResponse: () => {
      losesAnswers = true
    },
    refuseConnections: value => {
      isRefusing = value
    },
    routeTo: other => {
      port = Number(new URL(other).port)
    },
    blockRequests: request => {
      blocked = request
      if (request !== undefined) cut()
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}
