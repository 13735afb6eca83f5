import { type Feed, type Transport } from './feed'
import { type Http } from './http'
import { type Live } from './live'
import { longPoll, readEvents } from './long-poll'
import { followOver, socketFeed } from './socket-feed'
import { sse } from './sse'
import { type CatchUp, type Ear, type Position } from './stream'
import { type Timers } from './timers'

/** Time before SSE is tried again after it failed. */
const sseBlockedMs = 60_000
const sseFailuresMax = 2

export interface TransportsTold {
  onTransport(transport: Transport | undefined): void
  /** Resolves when all channels are resumed. */
  use(transport: Transport): Promise<unknown>
}

/** Selects the transport of all channels: the first allowed one that works; switches back when a better one works again. */
export class Transports {
  #current: Transport | undefined
  #sseFailures = 0
  #isSseBlocked = false

  constructor(
    private allowed: readonly Transport[],
    private readonly live: Live,
    private readonly http: Http,
    private readonly timers: Timers,
    private readonly callbacks: TransportsTold,
  ) {}

  /** The selected transport; undefined while a preferred socket may still connect. */
  get now(): Transport | undefined {
    return this.#current
  }

  get withSocket(): boolean {
    return this.allowed.includes('socket')
  }

  restrict(allowed: readonly Transport[]): void {
    this.allowed = allowed
    if (this.withSocket) this.live.open()
    else this.live.close()
    void this.choose()
  }

  /** Selects again. Resolves when all channels use the selected transport. */
  choose(isNewSocket = false): Promise<unknown> {
    const best = this.allowed.find(transport => this.#isUsable(transport))
    const chosen = best === 'socket' && !this.live.isConnected ? undefined : best
    const isNew = chosen !== this.#current
    if (isNew) {
      this.#current = chosen
      this.callbacks.onTransport(chosen)
    }
    if (chosen === undefined || (!isNew && !(isNewSocket && chosen === 'socket'))) return Promise.resolve()
    return this.callbacks.use(chosen)
  }

  feed(transport: Transport, channel: string, listener: Ear): Feed {
    if (transport === 'socket') return socketFeed(this.live, channel)
    if (transport === 'long-poll') return longPoll(this.http, channel, listener)
    return sse(this.http, channel, listener, {
      onOpened: () => (this.#sseFailures = 0),
      onFailed: isCertain => this.#countSseFailure(isCertain),
    })
  }

  /** Reads events of a channel without replacing its feed. @throws TuttiProblem */
  read(channel: string, after: Position | undefined): Promise<CatchUp> {
    return this.#current === 'socket' ? followOver(this.live, channel, after) : readEvents(this.http, channel, after)
  }

  #isUsable(transport: Transport): boolean {
    if (transport === 'socket') return this.live.isConnected || this.live.isHopeful || this.allowed.length === 1
    return transport === 'long-poll' || !this.#isSseBlocked || !this.allowed.includes('long-poll')
  }

  #countSseFailure(isCertain: boolean): void {
    this.#sseFailures += isCertain ? sseFailuresMax : 1
    if (this.#sseFailures < sseFailuresMax || this.#isSseBlocked) return
    this.#isSseBlocked = true
    this.timers.start(sseBlockedMs, () => {
      this.#isSseBlocked = false
      this.#sseFailures = 0
      void this.choose()
    })
    void this.choose()
  }
}
