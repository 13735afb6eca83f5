import { type Feed, type Transport } from './feed'
import { type Http } from './http'
import { type Live } from './live'
import { longPoll, readEvents } from './long-poll'
import { followOver, socketFeed } from './socket-feed'
import { sse } from './sse'
import { type CatchUp, type Ear, type Position } from './stream'
import { type Timers } from './timers'

/** So long streams are not tried again after they did not get through. */
const sseBlockedMs = 60_000
const sseFailuresMax = 2

export interface TransportsTold {
  onTransport(transport: Transport | undefined): void
  /** Resolves when all channels are resumed. */
  use(transport: Transport): Promise<unknown>
}

/** Which transport channels go over: the first of the list that works, and back when a better one works again. */
export class Transports {
  #current: Transport | undefined
  #sseFailures = 0
  #isSseBlocked = false

  constructor(
    private order: readonly Transport[],
    private readonly live: Live,
    private readonly http: Http,
    private readonly timers: Timers,
    private readonly told: TransportsTold,
  ) {}

  /** None while there is hope for a socket that is better than what else there is. */
  get now(): Transport | undefined {
    return this.#current
  }

  get withSocket(): boolean {
    return this.order.includes('socket')
  }

  restrict(order: readonly Transport[]): void {
    this.order = order
    if (this.withSocket) this.live.open()
    else this.live.close()
    void this.choose()
  }

  /** Resolves when the channels go on over what was chosen, or need not change. */
  choose(isNewSocket = false): Promise<unknown> {
    const best = this.order.find(transport => this.#isWorthwhile(transport))
    const chosen = best === 'socket' && !this.live.isConnected ? undefined : best
    const isNew = chosen !== this.#current
    if (isNew) {
      this.#current = chosen
      this.told.onTransport(chosen)
    }
    if (chosen === undefined || (!isNew && !(isNewSocket && chosen === 'socket'))) return Promise.resolve()
    return this.told.use(chosen)
  }

  feed(transport: Transport, channel: string, ear: Ear): Feed {
    if (transport === 'socket') return socketFeed(this.live, channel)
    if (transport === 'long-poll') return longPoll(this.http, channel, ear)
    return sse(this.http, channel, ear, {
      onOpened: () => (this.#sseFailures = 0),
      onFailed: isSure => this.#countSseFailure(isSure),
    })
  }

  /** Reads beside the feed that a channel has. @throws TuttiProblem */
  read(channel: string, after: Position | undefined): Promise<CatchUp> {
    return this.#current === 'socket' ? followOver(this.live, channel, after) : readEvents(this.http, channel, after)
  }

  #isWorthwhile(transport: Transport): boolean {
    if (transport === 'socket') return this.live.isConnected || this.live.isHopeful || this.order.length === 1
    return transport === 'long-poll' || !this.#isSseBlocked || !this.order.includes('long-poll')
  }

  #countSseFailure(isSure: boolean): void {
    this.#sseFailures += isSure ? sseFailuresMax : 1
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
