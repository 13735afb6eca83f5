import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { testStack } from '../../stack'

/** A proxy for the object store that can close all connections, or those of matching requests. */
export interface UnreliableStore extends AsyncDisposable {
  endpoint: string
  isDown: boolean
  /** Matches the start of a request, such as `PUT /bucket/key`. */
  refusedRequests?: RegExp | undefined
}

export async function startUnreliableStore(): Promise<UnreliableStore> {
  const { hostname, port } = new URL(testStack().variables.S3_ENDPOINT ?? '')
  const open = new Set<Socket>()
  const server = createServer(client => {
    if (store.isDown) {
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
        if (store.isDown || store.refusedRequests?.test(chunk.toString('latin1')) === true) socket.destroy()
        else other.write(chunk)
      })
      socket.on('end', () => other.end())
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const store: UnreliableStore = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    isDown: false,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return store
}
