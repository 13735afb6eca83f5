import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { testStack } from '../../stack'

export interface PausableStore extends AsyncDisposable {
  endpoint: string
  /** Holds the next matching request: its response only if `isDone`, else the request itself. Resolves when it has come. */
  holdRequest(request: RegExp, isDone: boolean): Promise<void>
  /** Releases the held response. */
  release(): void
}

/** A proxy for the object store that can hold one request. */
export async function startPausableStore(): Promise<PausableStore> {
  const { hostname, port } = new URL(testStack().variables.S3_ENDPOINT ?? '')
  const open = new Set<Socket>()
  let wanted: { request: RegExp; isDone: boolean; held: () => void } | undefined
  let release = () => undefined as unknown
  const server = createServer(client => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => [client, upstream].map(end => end.destroy()))
    }
    client.on('data', chunk => {
      if (wanted?.request.test(chunk.toString('latin1')) !== true) {
        upstream.write(chunk)
        return
      }
      const { isDone, held } = wanted
      wanted = undefined
      upstream.pause()
      release = () => upstream.resume()
      if (isDone) upstream.write(chunk)
      held()
    })
    upstream.on('data', chunk => client.write(chunk))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    holdRequest: (request, isDone) => new Promise(resolve => (wanted = { request, isDone, held: resolve })),
    release: () => void release(),
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
