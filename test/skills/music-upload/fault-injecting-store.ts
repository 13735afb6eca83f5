import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { testStack } from '../../stack'

export type PartFault = 'pass' | 'refuse' | 'spoil' | 'hold' | 'lose' | 'deny'

/** A proxy for the object store that records the parts sent and can inject failures. */
export interface FaultInjectingStore extends AsyncDisposable {
  endpoint: string
  /** Closes all new requests. */
  isDown: boolean
  /** The numbers of the parts that the store has accepted, in order; 0 for a whole file. */
  acceptedParts: number[]
  /** The maximum number of concurrent PUTs. */
  concurrencyMax: number
  /**
   * The failure of a part: `refuse` responds 503, `spoil` changes its first byte, `hold` never responds, `lose` forwards it and
   * then closes the connection, `deny` responds 403, as for an expired URL.
   */
  partFault: (number: number) => PartFault
  /** The response to CompleteMultipartUpload: `cut` loses it once, `hold` never sends it. */
  completionFault: 'pass' | 'cut' | 'hold'
  /** Delays a request until this resolves. */
  delay: (method: string, url: URL) => Promise<unknown> | undefined
  /** Closes held requests. */
  closeHeldRequests(): void
}

export async function startFaultInjectingStore(): Promise<FaultInjectingStore> {
  const { hostname, port } = new URL(testStack().variables.S3_ENDPOINT ?? '')
  const held = new Set<IncomingMessage>()
  let concurrentPuts = 0

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(incoming.url ?? '', 'http://store')
    await store.delay(incoming.method ?? '', url)
    const isFile = incoming.method === 'PUT'
    const number = Number(url.searchParams.get('partNumber') ?? 0)
    const mood = isFile ? store.partFault(number) : 'pass'
    if (mood === 'hold') {
      held.add(incoming)
      return
    }
    const body = await bytesOf(incoming)
    if (mood === 'refuse' || mood === 'deny') {
      response.writeHead(mood === 'deny' ? 403 : 503).end()
      return
    }
    if (mood === 'spoil') body.writeUInt8(body.readUInt8(0) ^ 255, 0)
    const upstream = request(
      { hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers },
      reply => {
        if (isFile && reply.statusCode === 200) store.acceptedParts.push(number)
        if (mood === 'lose') {
          reply.resume()
          response.destroy()
          return
        }
        if (incoming.method === 'POST' && url.searchParams.has('uploadId') && store.completionFault !== 'pass') {
          reply.resume()
          if (store.completionFault === 'hold') held.add(incoming)
          else {
            store.completionFault = 'pass'
            response.destroy()
          }
          return
        }
        response.writeHead(reply.statusCode ?? 500, reply.headers)
        reply.pipe(response)
      },
    )
    upstream.on('error', () => response.destroy())
    upstream.end(body)
  }

  const server = createServer((incoming, response) => {
    if (store.isDown) {
      incoming.destroy()
      return
    }
    if (incoming.method === 'PUT') {
      concurrentPuts += 1
      store.concurrencyMax = Math.max(store.concurrencyMax, concurrentPuts)
      response.on('close', () => (concurrentPuts -= 1))
    }
    serve(incoming, response).catch(() => response.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const store: FaultInjectingStore = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    isDown: false,
    acceptedParts: [],
    concurrencyMax: 0,
    completionFault: 'pass',
    partFault: () => 'pass',
    delay: () => undefined,
    closeHeldRequests() {
      for (const one of held) one.destroy()
      held.clear()
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return store
}

async function bytesOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
