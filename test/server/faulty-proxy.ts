import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** How the proxy behaves: forward everything, reset connections, or accept them and drop every byte. */
export type ProxyMode = 'honest' | 'dead' | 'silent'

/** A TCP proxy on 127.0.0.1 in front of a server; changing the mode cuts open connections. */
export async function startFaultyProxy(host: string, port: number) {
  const open = new Set<Socket>()
  let mode: ProxyMode = 'honest'
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  const server = createServer(client => {
    open.add(client)
    client.on('error', () => undefined)
    client.on('close', () => open.delete(client))
    if (mode === 'dead') client.destroy()
    if (mode !== 'honest') return
    const upstream = connect({ host, port })
    upstream.on('error', () => client.destroy())
    upstream.on('close', () => client.destroy())
    client.on('close', () => upstream.destroy())
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    become(next: ProxyMode) {
      mode = next
      cut()
    },
    /** Cuts open connections; new connections are forwarded. */
    cut,
    [Symbol.asyncDispose]: async () => {
      cut()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
