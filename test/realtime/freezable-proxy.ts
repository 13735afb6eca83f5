import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface FreezableProxy extends AsyncDisposable {
  /** The URL of the server through this proxy. */
  url: string
  /** Stops reading from the server and keeps the connections open, as if the client were frozen. */
  freeze(): void
}

/** A TCP proxy that can freeze. */
export async function startFreezableProxy(to: string): Promise<FreezableProxy> {
  const target = new URL(to)
  const sockets: Socket[] = []
  const upstreams: Socket[] = []
  const server = createServer(client => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) socket.on('error', () => undefined)
    client.pipe(upstream, { end: false })
    upstream.on('data', data => void client.write(data))
    sockets.push(client, upstream)
    upstreams.push(upstream)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(to)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    freeze() {
      for (const upstream of upstreams) upstream.pause()
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
