import { backoffMs } from './backoff'
import { Connection, type ConnectionEar } from './connection'
import { tokenFrom } from './http'
import { asProblem, type TuttiProblem, unreachable } from './problem'
import { type Answer, mayComeBack, type Question, type Road, type TokenSource } from './road'
import { type Timers } from './timers'
import { type Fields, isFields, type Position } from './stream'

export interface LiveTold {
  /** There is a new connection; resolves when everything is resumed on it, and the former one may go. */
  onUp(): Promise<unknown>
  /** It is down, there is no hope that it comes back soon, or it has ended for good. */
  onChange(): void
  onMessage(name: string, message: Fields): void
  /** Hears of every failed attempt to connect, and why the server closed a connection. */
  onProblem(problem: TuttiProblem): void
}

/** After so many failures, or so long without a socket, others are asked to do its work. */
const hopefulFailuresMax = 2
const hopeMs = 4_000

/** The socket to the server for as long as it is wanted: what is lost is connected again, with a token asked anew. */
export class Live implements Road, ConnectionEar {
  #active: Connection | undefined
  /** On its way up, if it is; made beside `active` when that is to go. */
  #next: Connection | 'asking for a token' | undefined
  #callOffWaiting: (() => void) | undefined
  #callOffHope: (() => void) | undefined
  #failures = 0
  #failuresBefore = 0
  #isWanted = false
  #mayHurry = true
  isHopeful = true
  ended: TuttiProblem | undefined

  constructor(
    private readonly url: string,
    private readonly token: TokenSource,
    private readonly timers: Timers,
    private readonly told: LiveTold,
  ) {}

  get isConnected(): boolean {
    return this.#active?.isUp === true
  }

  /** Connects, unless that is under way. */
  open(): void {
    if (this.ended !== undefined) return
    this.#isWanted = true
    if (this.#active === undefined && this.#next === undefined && this.#callOffWaiting === undefined) this.#connect()
  }

  /** Comes back at once, when the network has; unless the server has said when. */
  hurry(): void {
    if (this.#callOffWaiting !== undefined && this.#mayHurry) this.#connect()
  }

  async ask(question: Question): Promise<Answer> {
    return this.#connection().ask(question)
  }

  async follow(channel: string, after: Position | undefined): Promise<unknown> {
    return this.#connection().follow(channel, after)
  }

  async unfollow(channel: string): Promise<void> {
    await this.#connection().unfollow(channel)
  }

  close(problem?: TuttiProblem): void {
    this.#isWanted = false
    this.ended = problem ?? this.ended
    this.#callOffWaiting?.()
    this.#callOffWaiting = undefined
    this.#callOffHope?.()
    this.#callOffHope = undefined
    for (const connection of [this.#active, this.#next]) if (connection instanceof Connection) connection.close()
    this.#active = this.#next = undefined
    this.isHopeful = true
    this.#failures = 0
  }

  onUp(connection: Connection): void {
    const former = this.#active
    this.#active = connection
    this.#next = undefined
    this.#failuresBefore = this.#failures
    this.#failures = 0
    this.#callOffHope?.()
    this.#callOffHope = undefined
    this.isHopeful = true
    const resumed = this.told.onUp()
    if (former !== undefined) void resumed.then(() => former.retire())
  }

  onDown(connection: Connection, problem: TuttiProblem | undefined): void {
    if (connection === this.#active) {
      this.#active = undefined
      this.#hope()
      // One that was let in and sent away is no success.
      if (problem !== undefined) this.#failures = this.#failuresBefore
    } else if (connection === this.#next) this.#next = undefined
    else return
    if (problem !== undefined) this.told.onProblem(problem)
    this.#comeBack(problem)
    this.told.onChange()
  }

  onMessage(name: string, message: unknown, connection: Connection): void {
    if (name === 'session.expiring') void this.#refresh(connection)
    else if (name === 'session.moving') this.#move(connection)
    else if (isFields(message)) this.told.onMessage(name, message)
  }

  #connection(): Connection {
    if (this.#active?.isUp === true) return this.#active
    throw this.ended ?? unreachable(undefined, 'the socket is not connected')
  }

  #connect(refused?: TuttiProblem): void {
    this.#callOffWaiting?.()
    this.#callOffWaiting = undefined
    this.#next = 'asking for a token'
    this.#hope()
    tokenFrom(this.token, refused).then(
      token => {
        if (this.#next === 'asking for a token' && this.#isWanted) this.#next = new Connection(this.url, token, this)
      },
      (error: unknown) => {
        if (this.#next !== 'asking for a token') return
        this.#next = undefined
        this.told.onProblem(asProblem(error))
        this.#comeBack(undefined)
      },
    )
  }

  /** Later each time; for good only when the server has said so. */
  #comeBack(problem: TuttiProblem | undefined): void {
    if (!this.#isWanted || this.#next !== undefined || this.#callOffWaiting !== undefined) return
    if (problem !== undefined && !mayComeBack(problem, this.token)) {
      this.close(problem)
      return
    }
    const waitMs = backoffMs(this.#failures, problem?.retryAfter)
    this.#failures += 1
    this.#mayHurry = problem?.retryAfter === undefined
    const refused = problem?.status === 401 ? problem : undefined
    this.#callOffWaiting = this.timers.start(waitMs, () => this.#connect(refused))
    this.#hope()
    if (this.#failures > hopefulFailuresMax) this.#loseHope()
  }

  #hope(): void {
    if (this.#active === undefined) this.#callOffHope ??= this.timers.start(hopeMs, () => this.#loseHope())
  }

  #loseHope(): void {
    if (!this.isHopeful || this.#active !== undefined) return
    this.isHopeful = false
    this.told.onChange()
  }

  /** This node is going away: the next connection is made before this one is left. */
  #move(connection: Connection): void {
    if (connection === this.#active && this.#next === undefined && this.#callOffWaiting === undefined) this.#connect()
  }

  async #refresh(connection: Connection): Promise<void> {
    if (!this.token.mayChange) return
    const isUp = () => connection.isUp
    for (let failures = 1; isUp(); failures += 1) {
      try {
        if (await connection.refresh(await tokenFrom(this.token))) return
        await this.timers.pause(backoffMs(failures))
      } catch (error) {
        const problem = asProblem(error)
        if (isUp()) this.told.onProblem(problem)
        await this.timers.pause(backoffMs(failures, problem.retryAfter))
      }
    }
  }
}
