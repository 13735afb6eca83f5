import { type Feed, type Transport } from './feed'
import { type Http } from '../calls/http'
import { type ReconnectingSocket } from './reconnecting-socket'
import { longPollFeed, readEvents } from './long-poll-feed'
import { followOverSocket, socketFeed } from './socket-feed'
import { sseFeed } from './sse-feed'
import { type CatchUp, type MessageListener, type Position } from '../channels/frames'
import { type Timers } from '../timers'

/** Time before SSE is tried again after it failed. */
const sseBlockedMs = 60_000
const sseFailuresMax = 2

export interface TransportSelectorCallbacks {
  onTransport(transport: Transport | undefined): void
  /** Resolves when all channels are resumed. */
  useTransport(transport: Transport): Promise<unknown>
}

/** Selects the transport of all channels: the first allowed one that works; switches back when a better one works again. */
export class TransportSelector {
  #current: Transport | undefined
  #sseFailures = 0
  #isSseBlocked = false

  constructor(
    private allowed: readonly Transport[],
    private readonly live: ReconnectingSocket,
    private readonly http: Http,
    private readonly timers: Timers,
    private readonly callbacks: TransportSelectorCallbacks,
  ) {}

  /** The selected transport; undefined while a preferred socket may still connect. */
  get current(): Transport | undefined {
    return this.#current
  }

  get withSocket(): boolean {
    return this.allowed.includes('socket')
  }

  setAllowed(allowed: readonly Transport[]): void {
    this.allowed = allowed
    if (this.withSocket) this.live.open()
    else this.live.close()
    void this.select()
  }

  /** Selects again. Resolves when all channels use the selected transport. */
  select(isNewSocket = false): Promise<unknown> {
    const best = this.allowed.find(transport => this.#isUsable(transport))
    const chosen = best === 'socket' && !this.live.isConnected ? undefined : best
    const isNew = chosen !== this.#current
    if (isNew) {
      this.#current = chosen
      this.callbacks.onTransport(chosen)
    }
    if (chosen === undefined || (!isNew && !(isNewSocket && chosen === 'socket'))) return Promise.resolve()
    return this.callbacks.useTransport(chosen)
  }

  feed(transport: Transport, channel: string, listener: MessageListener): Feed {
    if (transport === 'socket') return socketFeed(this.live, channel)
    if (transport === 'long-poll') return longPollFeed(this.http, channel, listener)
    return sseFeed(this.http, channel, listener, {
      onOpened: () => (this.#sseFailures = 0),
      onFailed: isCertain => this.#countSseFailure(isCertain),
    })
  }

  /** Reads events of a channel without replacing its feed. @throws TuttiProblem */
  read(channel: string, after: Position | undefined): Promise<CatchUp> {
    return this.#current === 'socket'
      ? followOverSocket(this.live, channel, after)
      : readEvents(this.http, channel, after)
  }

  #isUsable(transport: Transport): boolean {
    if (transport === 'socket') return this.live.isConnected || this.live.isLikelyToConnect || this.allowed.length === 1
    return transport === 'long-poll' || !this.#isSseBlocked || !this.allowed.includes('long-poll')
  }

  #countSseFailure(isCertain: boolean): void {
    this.#sseFailures += isCertain ? sseFailuresMax : 1
    if (this.#sseFailures < sseFailuresMax || this.#isSseBlocked) return
    this.#isSseBlocked = true
    this.timers.start(sseBlockedMs, () => {
      this.#isSseBlocked = false
      this.#sseFailures = 0
      void this.select()
    })
    void this.select()
  }
}
