import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { testStack } from '../../stack'

/** A proxy for the object store that can close all connections, or those of matching requests. */
export interface WeakStore extends AsyncDisposable {
  endpoint: string
  isShut: boolean
  /** Matches the start of a request, such as `PUT /bucket/key`. */
  refused?: RegExp | undefined
}

export async function weakStore(): Promise<WeakStore> {
  const { hostname, port } = new URL(testStack().variables.S3_ENDPOINT ?? '')
  const open = new Set<Socket>()
  const server = createServer(client => {
    if (store.isShut) {
      client.destroy()
      return
    }
    const upstream = connect(Number(port), hostname)
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => open.delete(socket))
      socket.on('data', chunk => {
        if (store.isShut || store.refused?.test(chunk.toString('latin1')) === true) socket.destroy()
        else other.write(chunk)
      })
      socket.on('end', () => other.end())
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const store: WeakStore = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    isShut: false,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return store
}
