import { io, type Socket } from 'socket.io-client'
import { FollowBatcher } from './follow-batcher'
import { toProblem, type TuttiProblem, unreachable } from '../problem'
import { randomId } from '../random-id'
import { type CallResponse, callTimeoutMs, type CallRequest, toCallResponse } from '../calls/call-transport'
import { type Position } from '../channels/frames'

export interface ConnectionListener {
  onUp(connection: SocketConnection): void
  /** The connection failed or was closed, with the server's problem if it sent one. */
  onDown(connection: SocketConnection, problem: TuttiProblem | undefined): void
  onMessage(name: string, message: unknown, connection: SocketConnection): void
}

const connectTimeoutMs = 8_000
/** Time that calls in progress get before a replaced connection is closed. */
const retireMs = callTimeoutMs

/** One socket connection from handshake to close. Never reconnects: `Live` creates a new one. */
export class SocketConnection {
  readonly #socket: Socket
  #closeReason: TuttiProblem | undefined
  #isClosed = false
  #pendingCalls = 0
  /** The last request per channel: requests for one channel run one after the other, so that a follow cannot overtake an unfollow. */
  readonly #queues = new Map<string, Promise<unknown>>()
  readonly #follows = new FollowBatcher(request => this.send(request))

  constructor(
    url: string,
    private token: string,
    private readonly listener: ConnectionListener,
  ) {
    this.#socket = io(url, {
      auth: { token },
      // Proxies choose the node by `nid`: a new value leads away from a node that is overloaded or draining.
      query: { nid: randomId() },
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      timeout: connectTimeoutMs,
    })
    this.#socket.on('connect', () => this.listener.onUp(this))
    this.#socket.on('connect_error', error => {
      const isRefusal = 'data' in error && typeof error.data === 'object'
      this.#end(isRefusal ? toProblem(error.data) : unreachable(error))
    })
    this.#socket.on('disconnect', () => this.#end(this.#closeReason))
    this.#socket.onAny((name: string, message: unknown) => {
      if (name === 'connection.closed') this.#closeReason = toProblem(message)
      this.listener.onMessage(name, message, this)
    })
  }

  get isUp(): boolean {
    return this.#socket.connected
  }

  async send({ name, input, key }: CallRequest): Promise<CallResponse> {
    this.#pendingCalls += 1
    try {
      const payload = { input, ...(key === undefined ? {} : { key }) }
      return toCallResponse(await this.#socket.timeout(callTimeoutMs).emitWithAck(name, payload).catch(noResponse))
    } finally {
      this.#pendingCalls -= 1
    }
  }

  /** Sends a newer token; returns false when it is the same token. @throws TuttiProblem */
  async refresh(token: string): Promise<boolean> {
    if (token === this.token) return false
    await this.send({ name: 'session.refresh', input: { token } })
    this.token = token
    return true
  }

  /** Follows after a position, or only reads when already followed. @throws TuttiProblem */
  follow(channel: string, after: Position | undefined): Promise<unknown> {
    return this.#enqueue(channel, () => this.#follows.follow({ channel, ...(after && { after }) }))
  }

  /** @throws TuttiProblem */
  async unfollow(channel: string): Promise<void> {
    await this.#enqueue(channel, () => this.send({ name: 'channel.unfollow', input: { channel } }))
  }

  /** Runs a request after all earlier requests for the channel. */
  #enqueue<T>(channel: string, send: () => Promise<T>): Promise<T> {
    const result = (this.#queues.get(channel) ?? Promise.resolve()).then(send)
    const settled = result.catch(() => undefined)
    this.#queues.set(channel, settled)
    void settled.then(() => this.#queues.get(channel) === settled && this.#queues.delete(channel))
    return result
  }

  /** Closes when all calls in progress are answered, after 10 s at the latest. */
  async retire(): Promise<void> {
    const pauseMs = 50
    for (let waitedMs = 0; this.#pendingCalls > 0 && waitedMs < retireMs; waitedMs += pauseMs)
      await new Promise(resolve => setTimeout(resolve, pauseMs))
    this.close()
  }

  close(): void {
    this.#isClosed = true
    this.#socket.disconnect()
  }

  #end(problem: TuttiProblem | undefined): void {
    if (this.#isClosed) return
    this.close()
    this.listener.onDown(this, problem)
  }
}

function noResponse(cause: unknown): never {
  throw unreachable(cause)
}
