import { type Signal } from './events'
import { type Feed, type Transport } from './feed'
import { type Follower } from './follower'
import { Newest } from './newest'
import { Roll } from './presence'
import { toProblem, type TuttiProblem, unreachable } from './problem'
import { Reader, type ReaderTools, type Restart, type Snapshot } from './reader'
import { type CatchUp, type Fields, isFields, isFrame, type Position, type Values } from './stream'
import { type Timers } from './timers'
import { type Transports } from './transports'

export interface ChannelTools {
  timers: Timers
  transports: Pick<Transports, 'feed' | 'read' | 'now'>
  takeSnapshot(channel: string): Promise<Snapshot | undefined>
  mayComeBack(problem: TuttiProblem): boolean
  report(problem: TuttiProblem, channel: string): void
  /** The channel has ended: refused, or without followers. */
  onEnd(channel: Channel): void
}

/** Where a follower starts; now, without a position and a snapshot. */
export interface Start {
  place: Position | undefined
  withSnapshot: boolean
}

/** A followed channel: one sequence of events over changing transports, for all followers in this client. */
export class Channel {
  readonly #followers = new Set<Follower>()
  readonly #reader: Reader
  readonly #latest = new Newest()
  readonly #roster = new Roll()
  #feed: Feed | undefined
  /** Replaces the feed as soon as it has answered. */
  #next: Feed | undefined
  #epoch: string | undefined
  #hasJoined = false
  #hasEnded = false

  constructor(
    readonly name: string,
    start: Start,
    private readonly tools: ChannelTools,
  ) {
    const readerTools = this.#readerTools(this.#followers, {
      ask: after => this.#ask(after),
      onEvents: (events, epoch) => {
        for (const follower of [...this.#followers])
          if (follower.reader === undefined) follower.events(events, epoch)
          else follower.reader.hear({ epoch, events })
      },
      onCurrent: () => this.#onCurrent(),
    })
    this.#reader = new Reader(readerTools, start.place, start.withSnapshot)
  }

  /** The lowest delivered position of all followers, from which a new client can resume. */
  get given(): Position | undefined {
    let lowest: Position | undefined
    for (const { given } of this.#followers)
      if (given !== undefined && (lowest === undefined || given.epoch !== this.#epoch || given.offset < lowest.offset))
        lowest = given
    return lowest
  }

  /** Resolves when the follower receives everything from its start; the first one starts with the channel. @throws TuttiProblem */
  join(follower: Follower, start: Start): Promise<void> {
    const isFirst = this.#followers.size === 0
    this.#followers.add(follower)
    const { now } = this.tools.transports
    if (isFirst) {
      if (now !== undefined) void this.use(now)
    } else if (start.place !== undefined || start.withSnapshot) this.#branch(follower, start)
    else if (this.#reader.isCurrent) {
      if (this.#reader.place !== undefined) follower.give(this.#reader.place)
      follower.settle()
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
  goOn(follower: Follower): void {
    if (follower.lagsAfter !== undefined && !this.#hasEnded)
      this.#branch(follower, { place: follower.lagsAfter, withSnapshot: false })
  }

  /** Moves to a transport; closes the previous feed when the new one has answered. Resolves then. */
  use(transport: Transport): Promise<void> {
    void this.#next?.close()
    this.#next = this.#feed?.transport === transport ? undefined : this.#open(transport)
    return this.#reader.catchUp()
  }

  hear(name: string, message: unknown): void {
    if (this.#hasEnded) return
    if (name === 'lost') void this.#reader.catchUp(1)
    else if (name === 'resync') void this.#reader.catchUp()
    else if (isFrame(message)) this.#reader.hear(message)
    else if (isFields(message)) this.#receiveOther(name, message)
  }

  async end(problem?: TuttiProblem): Promise<void> {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#reader.stop()
    for (const follower of [...this.#followers]) {
      follower.stopReading()
      if (problem === undefined) continue
      follower.settle(problem)
      follower.say(({ onClosed }) => onClosed?.(problem))
    }
    this.tools.onEnd(this)
    await Promise.all([this.#next?.close(), this.#feed?.close()])
  }

  #open(transport: Transport): Feed {
    const feed = this.tools.transports.feed(transport, this.name, (name, message) => {
      if (feed === this.#feed || feed === this.#next) this.hear(name, message)
    })
    return feed
  }

  async #ask(after: Position | undefined): Promise<CatchUp> {
    const feed = this.#next ?? this.#feed
    if (feed === undefined) throw unreachable(undefined, 'no transport works')
    const answer = await feed.ask(after)
    if (feed !== this.#next) return answer
    void this.#feed?.close()
    this.#feed = feed
    this.#next = undefined
    return answer
  }

  /** Gives a follower its own reader, which first reads older events; live events then go through it too. */
  #branch(follower: Follower, { place, withSnapshot }: Start): void {
    const readerTools = this.#readerTools([follower], {
      ask: after => this.tools.transports.read(this.name, after),
      onEvents: (events, epoch) => follower.events(events, epoch),
      onCurrent: () => follower.settle(),
    })
    follower.lagsAfter = undefined
    follower.reader = new Reader(readerTools, place, withSnapshot)
    void follower.reader.catchUp()
  }

  #readerTools(followers: Iterable<Follower>, own: Pick<ReaderTools, 'ask' | 'onEvents' | 'onCurrent'>): ReaderTools {
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
    follower.lagsAfter = undefined
    follower.say(({ onSnapshot, onGap }) => {
      if (snapshot !== undefined && onSnapshot !== undefined) return onSnapshot(snapshot.data, position)
      return isGap ? onGap?.() : undefined
    }, position)
  }

  #onAnswer({ epoch, state }: CatchUp): void {
    if (epoch !== this.#epoch) this.#latest.forget()
    this.#epoch = epoch
    this.#receiveState(state)
  }

  #onCurrent(): void {
    this.#hasJoined = true
    for (const follower of this.#followers) if (follower.reader === undefined) follower.settle()
  }

  #onProblem(problem: TuttiProblem): boolean {
    const mayComeBack = this.tools.mayComeBack(problem)
    // A missing socket is reported once by `Live`, not for every channel.
    const isReported = problem.code === 'unreachable' && (this.#next ?? this.#feed)?.transport === 'socket'
    if (this.#hasJoined ? !isReported : mayComeBack && !isReported) this.tools.report(problem, this.name)
    if (!mayComeBack) void this.end(problem)
    return mayComeBack
  }

  #receiveOther(name: string, message: Fields): void {
    if (name === 'state' && isFields(message.values)) this.#receiveState(message.values as Values)
    else if (name === 'presence') {
      const isMissing = this.#roster.hear(message)
      this.#dispatchPresence(this.#followers)
      if (isMissing && this.#reader.isCurrent) void this.#reader.catchUp(1)
    } else if (name === 'signal') this.#dispatchSignal(message as Fields & Signal)
    else if (name.endsWith('closed')) {
      const problem = toProblem(message.problem)
      if (this.#onProblem(problem)) void this.#reader.catchUp(1)
    }
  }

  #dispatchSignal({ name, by, data }: Signal): void {
    for (const follower of [...this.#followers]) follower.say(({ onSignal }) => onSignal?.({ name, by, data }))
  }

  #receiveState({ presence, ...values }: Values): void {
    this.#dispatchState(this.#latest.take(values), this.#followers)
    if (this.#roster.answer(presence)) this.#dispatchPresence(this.#followers)
  }

  #dispatchState(state: Values | undefined, followers: Iterable<Follower>): void {
    if (state !== undefined) for (const follower of [...followers]) follower.say(({ onState }) => onState?.(state))
  }

  #dispatchPresence(followers: Iterable<Follower>): void {
    const presence = this.#roster.now
    if (presence !== undefined)
      for (const follower of [...followers]) follower.say(({ onPresence }) => onPresence?.(presence))
  }
}
