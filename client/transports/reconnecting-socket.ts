import { backoffMs } from '../backoff'
import { SocketConnection, type ConnectionListener } from './socket-connection'
import { getToken } from '../calls/http'
import { asProblem, type TuttiProblem, unreachable } from '../problem'
import {
  type CallResponse,
  isRetryable,
  type CallRequest,
  type CallTransport,
  type TokenSource,
} from '../calls/call-transport'
import { type Timers } from '../timers'
import { type Fields, isFields, type Position } from '../channels/frames'

export interface ReconnectingSocketListener {
  /** A new connection is up; resolves when all channels are resumed on it and the previous one can be closed. */
  onUp(): Promise<unknown>
  /** The connection is down, is unlikely to come back soon, or is closed for good. */
  onChange(): void
  onMessage(name: string, message: Fields): void
  /** Called for every failed attempt to connect, and with the server's reason for closing a connection. */
  onProblem(problem: TuttiProblem): void
}

/** After this many failures, or this long without a socket, channels fall back to other transports. */
const fallbackAfterFailures = 2
const fallbackAfterMs = 4_000

/** The reconnecting socket: replaces a lost connection by a new one, with a token asked for again. */
export class ReconnectingSocket implements CallTransport, ConnectionListener {
  #active: SocketConnection | undefined
  /** The connection being established, possibly while `active` is still in use and about to be replaced. */
  #next: SocketConnection | 'getting a token' | undefined
  #cancelReconnect: (() => void) | undefined
  #cancelFallback: (() => void) | undefined
  #failures = 0
  #failuresBefore = 0
  #isOpen = false
  #canHurry = true
  isLikelyToConnect = true
  ended: TuttiProblem | undefined

  constructor(
    private readonly url: string,
    private readonly token: TokenSource,
    private readonly timers: Timers,
    private readonly callbacks: ReconnectingSocketListener,
  ) {}

  get isConnected(): boolean {
    return this.#active?.isUp === true
  }

  /** Connects, unless connected or connecting. */
  open(): void {
    if (this.ended !== undefined) return
    this.#isOpen = true
    if (this.#active === undefined && this.#next === undefined && this.#cancelReconnect === undefined) this.#connect()
  }

  /** Reconnects at once when the network is back, unless the server has sent `retryAfter`. */
  reconnectNow(): void {
    if (this.#cancelReconnect !== undefined && this.#canHurry) this.#connect()
  }

  async send(request: CallRequest): Promise<CallResponse> {
    return this.#connection().send(request)
  }

  async follow(channel: string, after: Position | undefined): Promise<unknown> {
    return this.#connection().follow(channel, after)
  }

  async unfollow(channel: string): Promise<void> {
    await this.#connection().unfollow(channel)
  }

  close(problem?: TuttiProblem): void {
    this.#isOpen = false
    this.ended = problem ?? this.ended
    this.#cancelReconnect?.()
    this.#cancelReconnect = undefined
    this.#cancelFallback?.()
    this.#cancelFallback = undefined
    for (const connection of [this.#active, this.#next]) if (connection instanceof SocketConnection) connection.close()
    this.#active = this.#next = undefined
    this.isLikelyToConnect = true
    this.#failures = 0
  }

  onUp(connection: SocketConnection): void {
    const previous = this.#active
    this.#active = connection
    this.#next = undefined
    this.#failuresBefore = this.#failures
    this.#failures = 0
    this.#cancelFallback?.()
    this.#cancelFallback = undefined
    this.isLikelyToConnect = true
    const resumed = this.callbacks.onUp()
    if (previous !== undefined) void resumed.then(() => previous.retire())
  }

  onDown(connection: SocketConnection, problem: TuttiProblem | undefined): void {
    if (connection === this.#active) {
      this.#active = undefined
      this.#startFallbackTimer()
      // A connection that the server closed does not reset the back-off.
      if (problem !== undefined) this.#failures = this.#failuresBefore
    } else if (connection === this.#next) this.#next = undefined
    else return
    if (problem !== undefined) this.callbacks.onProblem(problem)
    this.#scheduleReconnect(problem)
    this.callbacks.onChange()
  }

  onMessage(name: string, message: unknown, connection: SocketConnection): void {
    if (name === 'session.expiring') void this.#refresh(connection)
    else if (name === 'connection.draining') this.#moveToOtherNode(connection)
    else if (isFields(message)) this.callbacks.onMessage(name, message)
  }

  #connection(): SocketConnection {
    if (this.#active?.isUp === true) return this.#active
    throw this.ended ?? unreachable(undefined, 'the socket is not connected')
  }

  #connect(refused?: TuttiProblem): void {
    this.#cancelReconnect?.()
    this.#cancelReconnect = undefined
    this.#next = 'getting a token'
    this.#startFallbackTimer()
    getToken(this.token, refused).then(
      token => {
        if (this.#next === 'getting a token' && this.#isOpen) this.#next = new SocketConnection(this.url, token, this)
      },
      (error: unknown) => {
        if (this.#next !== 'getting a token') return
        this.#next = undefined
        this.callbacks.onProblem(asProblem(error))
        this.#scheduleReconnect(undefined)
      },
    )
  }

  /** Schedules a reconnect with exponential back-off; stops for good when the problem cannot be retried. */
  #scheduleReconnect(problem: TuttiProblem | undefined): void {
    if (!this.#isOpen || this.#next !== undefined || this.#cancelReconnect !== undefined) return
    if (problem !== undefined && !isRetryable(problem, this.token)) {
      this.close(problem)
      return
    }
    const waitMs = backoffMs(this.#failures, problem?.retryAfter)
    this.#failures += 1
    this.#canHurry = problem?.retryAfter === undefined
    const refused = problem?.status === 401 ? problem : undefined
    this.#cancelReconnect = this.timers.start(waitMs, () => this.#connect(refused))
    this.#startFallbackTimer()
    if (this.#failures > fallbackAfterFailures) this.#fallBack()
  }

  #startFallbackTimer(): void {
    if (this.#active === undefined) this.#cancelFallback ??= this.timers.start(fallbackAfterMs, () => this.#fallBack())
  }

  #fallBack(): void {
    if (!this.isLikelyToConnect || this.#active !== undefined) return
    this.isLikelyToConnect = false
    this.callbacks.onChange()
  }

  /** The node drains: connects to another node before leaving this one. */
  #moveToOtherNode(connection: SocketConnection): void {
    if (connection === this.#active && this.#next === undefined && this.#cancelReconnect === undefined) this.#connect()
  }

  async #refresh(connection: SocketConnection): Promise<void> {
    if (!this.token.canChange) return
    const isUp = () => connection.isUp
    for (let failures = 1; isUp(); failures += 1) {
      try {
        if (await connection.refresh(await getToken(this.token))) return
        await this.timers.pause(backoffMs(failures))
      } catch (error) {
        const problem = asProblem(error)
        if (isUp()) this.callbacks.onProblem(problem)
        await this.timers.pause(backoffMs(failures, problem.retryAfter))
      }
    }
  }
}
