import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { testStack } from '../../stack'

export type Mood = 'pass' | 'refuse' | 'spoil' | 'hold' | 'lose' | 'deny'

/** The object store behind a door that sees which parts go through, and may do something to them. */
export interface WatchedStore extends AsyncDisposable {
  endpoint: string
  /** Everybody is cut off. */
  isShut: boolean
  /** The numbers of the parts that the store has taken, in that order; 0 for a whole file. */
  taken: number[]
  /** How many were on their way at once, at most. */
  mostAtOnce: number
  /**
   * What becomes of a part: `refuse` answers 503, `spoil` changes its first byte, `hold` never answers, `lose` takes it and hangs up,
   * `deny` answers 403, as to a URL that has run out.
   */
  mood: (number: number) => Mood
  /** What becomes of the answer when an object is made of parts: `cut` loses it once, `hold` keeps it back. */
  completing: 'pass' | 'cut' | 'hold'
  /** What is waited for before a request is looked at: so slow the store is. */
  slowness: (method: string, url: URL) => Promise<unknown> | undefined
  /** Cuts off what is held. */
  drop(): void
}

export async function watchedStore(): Promise<WatchedStore> {
  const { hostname, port } = new URL(testStack().variables.S3_ENDPOINT ?? '')
  const held = new Set<IncomingMessage>()
  let underWay = 0

  const serve = async (from: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const url = new URL(from.url ?? '', 'http://store')
    await store.slowness(from.method ?? '', url)
    const isFile = from.method === 'PUT'
    const number = Number(url.searchParams.get('partNumber') ?? 0)
    const mood = isFile ? store.mood(number) : 'pass'
    if (mood === 'hold') {
      held.add(from)
      return
    }
    const body = await bytesOf(from)
    if (mood === 'refuse' || mood === 'deny') {
      answer.writeHead(mood === 'deny' ? 403 : 503).end()
      return
    }
    if (mood === 'spoil') body.writeUInt8(body.readUInt8(0) ^ 255, 0)
    const to = request({ hostname, port, path: from.url, method: from.method, headers: from.headers }, reply => {
      if (isFile && reply.statusCode === 200) store.taken.push(number)
      if (mood === 'lose') {
        reply.resume()
        answer.destroy()
        return
      }
      if (from.method === 'POST' && url.searchParams.has('uploadId') && store.completing !== 'pass') {
        reply.resume()
        if (store.completing === 'hold') held.add(from)
        else {
          store.completing = 'pass'
          answer.destroy()
        }
        return
      }
      answer.writeHead(reply.statusCode ?? 500, reply.headers)
      reply.pipe(answer)
    })
    to.on('error', () => answer.destroy())
    to.end(body)
  }

  const server = createServer((from, answer) => {
    if (store.isShut) {
      from.destroy()
      return
    }
    if (from.method === 'PUT') {
      underWay += 1
      store.mostAtOnce = Math.max(store.mostAtOnce, underWay)
      answer.on('close', () => (underWay -= 1))
    }
    serve(from, answer).catch(() => answer.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const store: WatchedStore = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    isShut: false,
    taken: [],
    mostAtOnce: 0,
    completing: 'pass',
    mood: () => 'pass',
    slowness: () => undefined,
    drop() {
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

async function bytesOf(from: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of from) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
