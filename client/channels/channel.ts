import { type Signal } from './events'
import { type Feed, type Transport } from '../transports/feed'
import { type Follower } from './follower'
import { LatestValues } from './latest-values'
import { Roster } from './roster'
import { toProblem, type TuttiProblem, unreachable } from '../problem'
import { ChannelReader, type ChannelReaderDependencies, type Restart, type Snapshot } from './channel-reader'
import { type CatchUp, type Fields, isFields, isFrame, type Position, type StateValues } from './frames'
import { type Timers } from '../timers'
import { type TransportSelector } from '../transports/transport-selector'

export interface ChannelDependencies {
  timers: Timers
  transports: Pick<TransportSelector, 'feed' | 'read' | 'current'>
  takeSnapshot(channel: string): Promise<Snapshot | undefined>
  isRetryable(problem: TuttiProblem): boolean
  report(problem: TuttiProblem, channel: string): void
  /** The channel has ended: refused, or without followers. */
  onEnd(channel: Channel): void
}

/** Where a follower starts; now, without a position and a snapshot. */
export interface StartOptions {
  position: Position | undefined
  withSnapshot: boolean
}

/** A followed channel: one sequence of events over changing transports, for all followers in this client. */
export class Channel {
  readonly #followers = new Set<Follower>()
  readonly #reader: ChannelReader
  readonly #latest = new LatestValues()
  readonly #roster = new Roster()
  #feed: Feed | undefined
  /** Replaces the feed as soon as it has answered. */
  #next: Feed | undefined
  #epoch: string | undefined
  #hasJoined = false
  #hasEnded = false

  constructor(
    readonly name: string,
    start: StartOptions,
    private readonly tools: ChannelDependencies,
  ) {
    const readerTools = this.#readerTools(this.#followers, {
      requestEvents: after => this.#ask(after),
      onEvents: (events, epoch) => {
        for (const follower of [...this.#followers])
          if (follower.reader === undefined) follower.deliverEvents(events, epoch)
          else follower.reader.receive({ epoch, events })
      },
      onCurrent: () => this.#onCurrent(),
    })
    this.#reader = new ChannelReader(readerTools, start.position, start.withSnapshot)
  }

  /** The lowest delivered position of all followers, from which a new client can resume. */
  get delivered(): Position | undefined {
    let lowest: Position | undefined
    for (const { delivered } of this.#followers)
      if (
        delivered !== undefined &&
        (lowest === undefined || delivered.epoch !== this.#epoch || delivered.offset < lowest.offset)
      )
        lowest = delivered
    return lowest
  }

  /** Resolves when the follower receives everything from its start; the first one starts with the channel. @throws TuttiProblem */
  join(follower: Follower, start: StartOptions): Promise<void> {
    const isFirst = this.#followers.size === 0
    this.#followers.add(follower)
    const { current } = this.tools.transports
    if (isFirst) {
      if (current !== undefined) void this.useTransport(current)
    } else if (start.position !== undefined || start.withSnapshot) this.#branch(follower, start)
    else if (this.#reader.isCurrent) {
      if (this.#reader.position !== undefined) follower.markDelivered(this.#reader.position)
      follower.settleJoin()
    }
    this.#dispatchState(this.#latest.all, [follower])
    this.#dispatchPresence([follower])
    return follower.joined
  }

  /** Resolves after the last follower when the server has confirmed the unfollow or cannot be reached. */
  async leave(follower: Follower): Promise<void> {
    follower.stop()
    if (this.#followers.delete(follower) && this.#followers.size === 0) await this.end()
  }

  /** Resumes a follower whose queue was full from where it stopped. */
  resume(follower: Follower): void {
    if (follower.stoppedAfter !== undefined && !this.#hasEnded)
      this.#branch(follower, { position: follower.stoppedAfter, withSnapshot: false })
  }

  /** Moves to a transport; closes the previous feed when the new one has answered. Resolves then. */
  useTransport(transport: Transport): Promise<void> {
    void this.#next?.close()
    this.#next = this.#feed?.transport === transport ? undefined : this.#open(transport)
    return this.#reader.catchUp()
  }

  receive(name: string, message: unknown): void {
    if (this.#hasEnded) return
    if (name === 'lost') void this.#reader.catchUp(1)
    else if (name === 'resync') void this.#reader.catchUp()
    else if (isFrame(message)) this.#reader.receive(message)
    else if (isFields(message)) this.#receiveOther(name, message)
  }

  async end(problem?: TuttiProblem): Promise<void> {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#reader.stop()
    for (const follower of [...this.#followers]) {
      follower.stopReading()
      if (problem === undefined) continue
      follower.settleJoin(problem)
      follower.deliver(({ onClosed }) => onClosed?.(problem))
    }
    this.tools.onEnd(this)
    await Promise.all([this.#next?.close(), this.#feed?.close()])
  }

  #open(transport: Transport): Feed {
    const feed = this.tools.transports.feed(transport, this.name, (name, message) => {
      if (feed === this.#feed || feed === this.#next) this.receive(name, message)
    })
    return feed
  }

  async #ask(after: Position | undefined): Promise<CatchUp> {
    const feed = this.#next ?? this.#feed
    if (feed === undefined) throw unreachable(undefined, 'no transport works')
    const answer = await feed.read(after)
    if (feed !== this.#next) return answer
    void this.#feed?.close()
    this.#feed = feed
    this.#next = undefined
    return answer
  }

  /** Gives a follower its own reader, which first reads older events; live events then go through it too. */
  #branch(follower: Follower, { position, withSnapshot }: StartOptions): void {
    const readerTools = this.#readerTools([follower], {
      requestEvents: after => this.tools.transports.read(this.name, after),
      onEvents: (events, epoch) => follower.deliverEvents(events, epoch),
      onCurrent: () => follower.settleJoin(),
    })
    follower.stoppedAfter = undefined
    follower.reader = new ChannelReader(readerTools, position, withSnapshot)
    void follower.reader.catchUp()
  }

  #readerTools(
    followers: Iterable<Follower>,
    own: Pick<ChannelReaderDependencies, 'requestEvents' | 'onEvents' | 'onCurrent'>,
  ): ChannelReaderDependencies {
    return {
      ...own,
      timers: this.tools.timers,
      takeSnapshot: async () =>
        [...followers].some(({ handlers }) => handlers.onSnapshot) ? this.tools.takeSnapshot(this.name) : undefined,
      onRestart: restart => {
        for (const follower of [...followers]) this.#restart(follower, restart, followers === this.#followers)
      },
      onAnswer: answer => this.#onAnswer(answer),
      onProblem: problem => this.#onProblem(problem),
    }
  }

  #restart(follower: Follower, { position, snapshot, isGap }: Restart, isForAll: boolean): void {
    if (isForAll) follower.stopReading()
    follower.stoppedAfter = undefined
    follower.deliver(({ onSnapshot, onGap }) => {
      if (snapshot !== undefined && onSnapshot !== undefined) return onSnapshot(snapshot.data, position)
      return isGap ? onGap?.() : undefined
    }, position)
  }

  #onAnswer({ epoch, state }: CatchUp): void {
    if (epoch !== this.#epoch) this.#latest.clear()
    this.#epoch = epoch
    this.#receiveState(state)
  }

  #onCurrent(): void {
    this.#hasJoined = true
    for (const follower of this.#followers) if (follower.reader === undefined) follower.settleJoin()
  }

  #onProblem(problem: TuttiProblem): boolean {
    const mayComeBack = this.tools.isRetryable(problem)
    // A missing socket is reported once by `Live`, not for every channel.
    const isReported = problem.code === 'unreachable' && (this.#next ?? this.#feed)?.transport === 'socket'
    if (this.#hasJoined ? !isReported : mayComeBack && !isReported) this.tools.report(problem, this.name)
    if (!mayComeBack) void this.end(problem)
    return mayComeBack
  }

  #receiveOther(name: string, message: Fields): void {
    if (name === 'state' && isFields(message.values)) this.#receiveState(message.values as StateValues)
    else if (name === 'presence') {
      const isMissing = this.#roster.receive(message)
      this.#dispatchPresence(this.#followers)
      if (isMissing && this.#reader.isCurrent) void this.#reader.catchUp(1)
    } else if (name === 'signal') this.#dispatchSignal(message as Fields & Signal)
    else if (name === 'channel.closed') {
      const problem = toProblem(message.problem)
      if (this.#onProblem(problem)) void this.#reader.catchUp(1)
    }
  }

  #dispatchSignal({ name, senderId, data }: Signal): void {
    for (const follower of [...this.#followers])
      follower.deliver(({ onSignal }) => onSignal?.({ name, senderId, data }))
  }

  #receiveState({ presence, ...values }: StateValues): void {
    this.#dispatchState(this.#latest.update(values), this.#followers)
    if (this.#roster.reset(presence)) this.#dispatchPresence(this.#followers)
  }

  #dispatchState(state: StateValues | undefined, followers: Iterable<Follower>): void {
    if (state !== undefined) for (const follower of [...followers]) follower.deliver(({ onState }) => onState?.(state))
  }

  #dispatchPresence(followers: Iterable<Follower>): void {
    const presence = this.#roster.current
    if (presence !== undefined)
      for (const follower of [...followers]) follower.deliver(({ onPresence }) => onPresence?.(presence))
  }
}
