import { io, type Socket } from 'socket.io-client'
import { clientClosed, tokenUnavailable, toProblem, type TuttiProblem, unreachable } from './problem'
import { randomId } from './random-id'
import { type Answer, callTimeoutMs, type Question, type Road, toAnswer, type TokenSource } from './road'
import { Timers } from './timers'

export interface LiveOptions {
  /** The origin of the API. */
  url: string
  token: TokenSource
  /** Whether another token may come, so that a refused one is not the end. */
  tokenMayChange: boolean
  /** Hears of every failed attempt to connect, and why the server closed a connection. */
  onProblem: (problem: TuttiProblem) => void
}

const comeBackMinMs = 500
const comeBackMaxMs = 30_000

/** The socket to the server for as long as the client lives: what is lost is connected again, with a token asked anew. */
export class Live implements Road {
  /** For what is to happen only as long as this is open. */
  readonly timers = new Timers()
  private readonly connection: Socket
  private readonly waiting = new Set<(problem?: TuttiProblem) => void>()
  /** Attempts since it last worked that only we can follow by another. */
  private failures = 0
  private ended: TuttiProblem | undefined

  constructor(private readonly options: LiveOptions) {
    this.connection = io(options.url, {
      auth: send => void options.token().then(token => send({ token }), this.withoutToken),
      // Proxies send all requests of one id to one node, which polling needs.
      query: { nid: randomId() },
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      forceNew: true,
      autoConnect: false,
      reconnectionDelay: comeBackMinMs,
      reconnectionDelayMax: comeBackMaxMs,
    })
    this.connection.on('connect', () => {
      this.failures = 0
      this.tellWaiting()
    })
    this.connection.on('connect_error', this.onConnectError)
    this.connection.on('disconnect', reason => {
      // From any other disconnect the library comes back by itself.
      if (reason === 'io server disconnect') this.comeBack()
    })
    this.onMessage('session.closed', problem => this.options.onProblem(toProblem(problem)))
  }

  get isConnected(): boolean {
    return this.connection.connected
  }

  /** Begins to connect, unless that has begun. */
  open(): void {
    if (this.ended === undefined && !this.connection.active && this.failures === 0) this.connection.connect()
  }

  /** @throws TuttiProblem when the server has refused for good, `closed`, or `unreachable` after 10 s. */
  async connected(): Promise<void> {
    if (this.ended !== undefined) throw this.ended
    this.open()
    if (this.isConnected) return
    await new Promise<void>((resolve, reject) => {
      const tell = (problem?: TuttiProblem) => {
        clearTimeout(timer)
        this.waiting.delete(tell)
        if (problem === undefined) resolve()
        else reject(problem)
      }
      const timer = setTimeout(() => tell(unreachable(undefined, 'no connection within 10 s')), callTimeoutMs)
      this.waiting.add(tell)
    })
  }

  async ask({ name, input, key }: Question): Promise<Answer> {
    if (!this.isConnected) throw this.ended ?? unreachable(undefined, 'the socket is not connected')
    const sent = { input, ...(key === undefined ? {} : { key }) }
    const reply: unknown = await this.connection
      .timeout(callTimeoutMs)
      .emitWithAck(name, sent)
      .catch((cause: unknown) => {
        throw unreachable(cause)
      })
    return toAnswer(reply)
  }

  /** Hears every connection, the first included. */
  onConnected(listener: () => void): void {
    this.connection.on('connect', listener)
  }

  onMessage(name: string, listener: (message: unknown) => void): void {
    this.connection.on(name, listener)
  }

  close(): void {
    this.end(clientClosed())
  }

  private readonly onConnectError = (error: Error): void => {
    const isRefusal = 'data' in error && typeof error.data === 'object'
    const problem = isRefusal ? toProblem(error.data) : unreachable(error)
    this.options.onProblem(problem)
    // While it is active the library itself tries again; once refused it does not.
    if (this.connection.active) return
    if (problem.isTemporary || (problem.status === 401 && this.options.tokenMayChange))
      this.comeBack(problem.retryAfter)
    else this.end(problem)
  }

  private readonly withoutToken = (error: unknown): void => {
    this.options.onProblem(tokenUnavailable(error))
    this.connection.disconnect()
    this.comeBack()
  }

  /** Later each time, and spread, so that all clients of a node do not come back in one moment. */
  private comeBack(afterS = 0): void {
    if (this.ended !== undefined) return
    const growing = Math.min(comeBackMinMs * 2 ** this.failures, comeBackMaxMs)
    this.failures += 1
    const waitMs = Math.max(afterS * 1_000, growing * (0.5 + Math.random() / 2))
    this.timers.start(waitMs, () => this.connection.connect())
  }

  private end(problem: TuttiProblem): void {
    this.ended ??= problem
    this.timers.callOff()
    this.connection.disconnect()
    this.tellWaiting(this.ended)
  }

  private tellWaiting(problem?: TuttiProblem): void {
    for (const tell of [...this.waiting]) tell(problem)
  }
}
