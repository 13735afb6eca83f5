import { WebSocket } from 'ws'

interface Problem {
  code: string
  status: number
  retryAfter?: number
}

export interface Reply {
  data?: unknown
  error?: Problem
}

/** Receives the text of an event packet, without the leading `42`. */
export type OnEvents = (text: string) => void

/**
 * A minimal Socket.IO client over one WebSocket: socket.io-client would use more CPU than the server under test. Answers pings, sends calls
 * with acknowledgements, and passes the text of events on without parsing it.
 */
export class LoadClient {
  onEvents: OnEvents = () => undefined
  closed = false
  /** Number of refused connection attempts before it was admitted. */
  refusals = 0
  private nextAck = 0
  private readonly acks = new Map<number, (reply: Reply) => void>()
  private admitted: (outcome: Reply) => void = () => undefined

  private constructor(
    private readonly socket: WebSocket,
    private readonly opening: string | undefined,
  ) {
    socket.on('message', data => this.read(Buffer.isBuffer(data) ? data.toString('latin1') : ''))
    socket.on('error', () => undefined)
    socket.on('unexpected-response', (request, { statusCode: status = 0, headers }) => {
      request.destroy()
      this.admitted({ error: { code: `answered ${status}`, status, retryAfter: Number(headers['retry-after'] ?? 1) } })
    })
    socket.on('close', () => {
      this.closed = true
      this.admitted({ error: { code: 'closed', status: 0 } })
      for (const ack of this.acks.values()) ack({ error: { code: 'closed', status: 0 } })
    })
  }

  /** Connects, authenticates when given a token, and retries after `retryAfter` when the server refuses it for now. */
  static async connect(port: number, token?: string): Promise<LoadClient> {
    const deadline = Date.now() + admittedWithinMs
    for (let refusals = 0; ; refusals += 1) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`, options)
      const client = new LoadClient(socket, token === undefined ? '40' : `40${JSON.stringify({ token })}`)
      const outcome = await new Promise<Reply>(resolve => (client.admitted = resolve))
      client.refusals = refusals
      if (outcome.error === undefined) return client
      socket.terminate()
      const { status, code, retryAfter = 0.2 } = outcome.error
      if (![0, 429, 503].includes(status) || Date.now() > deadline) throw new Error(`not admitted: ${code}`)
      await new Promise(resolve => setTimeout(resolve, retryAfter * (1 + Math.random()) * 1_000))
    }
  }

  /** Connects to a plain WebSocket server. */
  static async connectRaw(port: number): Promise<LoadClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, options)
    const client = new LoadClient(socket, undefined)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    return client
  }

  call(name: string, input: unknown): Promise<Reply> {
    if (this.closed) return Promise.resolve({ error: { code: 'closed', status: 0 } })
    const id = this.nextAck++
    return new Promise(resolve => {
      this.acks.set(id, resolve)
      this.socket.send(`42${id}${JSON.stringify([name, { input }])}`)
    })
  }

  /** Calls and returns the data; rejects with the error code. */
  async callOrThrow<T>(name: string, input: unknown): Promise<T> {
    const { data, error } = await this.call(name, input)
    if (error !== undefined) throw new Error(`${name}: ${error.code}`)
    return data as T
  }

  /** Drops the connection without a close frame. */
  terminate(): void {
    this.socket.terminate()
  }

  private read(text: string): void {
    if (text.startsWith('42')) this.onEvents(text.slice(2))
    else if (text.startsWith('43')) this.readAck(text)
    else if (text === '2') this.socket.send('3')
    else if (text.startsWith('0') && this.opening !== undefined) this.socket.send(this.opening)
    else if (text.startsWith('40')) this.admitted({ data: {} })
    else if (text.startsWith('44')) this.admitted({ error: errorIn(text) })
  }

  private readAck(text: string): void {
    const start = text.indexOf('[')
    const id = Number(text.slice(2, start))
    const [reply] = JSON.parse(text.slice(start)) as [Reply]
    this.acks.get(id)?.(reply)
    this.acks.delete(id)
  }
}

/** Time limit for admission: a server with event loop lag refuses new connections meanwhile. */
const admittedWithinMs = 60_000

const options = { perMessageDeflate: false, skipUTF8Validation: true } as const

function errorIn(text: string): Problem {
  const { data, message } = JSON.parse(text.slice(2)) as { data?: Problem; message: string }
  return data ?? { code: message, status: 400 }
}

/** Runs `work` for each item, `atOnce` in parallel. */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, index: number) => Promise<R>,
) {
  const results: R[] = []
  let next = 0
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index]
      if (item !== undefined) results[index] = await work(item, index)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}
