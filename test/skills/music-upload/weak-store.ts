import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { testStack } from '../../stack'

/** The object store behind a door that can be shut, also for some requests alone. */
export interface WeakStore extends AsyncDisposable {
  endpoint: string
  isShut: boolean
  /** As a request begins: `PUT /bucket/key`. */
  refused?: RegExp | undefined
}

export async function weakStore(): Promise<WeakStore> {
  const { hostname, port } = new URL(testStack().variables.S3_ENDPOINT ?? '')
  const open = new Set<Socket>()
  const server = createServer(from => {
    if (store.isShut) {
      from.destroy()
      return
    }
    const to = connect(Number(port), hostname)
    for (const [socket, other] of [
      [from, to],
      [to, from],
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
