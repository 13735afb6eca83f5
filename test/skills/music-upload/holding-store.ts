import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { testStack } from '../../stack'

export interface HoldingStore extends AsyncDisposable {
  endpoint: string
  /** Resolves when a request that fits has come; its answer is held back, and the request too unless it is to be done. */
  hold(request: RegExp, isDone: boolean): Promise<void>
  /** Lets the answer that is held go. */
  release(): void
}

/** The object store behind a door where one request may be held up. */
export async function holdingStore(): Promise<HoldingStore> {
  const { hostname, port } = new URL(testStack().variables.S3_ENDPOINT ?? '')
  const open = new Set<Socket>()
  let wanted: { request: RegExp; isDone: boolean; held: () => void } | undefined
  let release = () => undefined as unknown
  const server = createServer(from => {
    const to = connect(Number(port), hostname)
    for (const socket of [from, to]) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => [from, to].map(end => end.destroy()))
    }
    from.on('data', chunk => {
      if (wanted?.request.test(chunk.toString('latin1')) !== true) {
        to.write(chunk)
        return
      }
      const { isDone, held } = wanted
      wanted = undefined
      to.pause()
      release = () => to.resume()
      if (isDone) to.write(chunk)
      held()
    })
    to.on('data', chunk => from.write(chunk))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold: (request, isDone) => new Promise(resolve => (wanted = { request, isDone, held: resolve })),
    release: () => void release(),
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
