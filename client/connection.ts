import { io, type Socket } from 'socket.io-client'
import { Follows } from './follows'
import { toProblem, type TuttiProblem, unreachable } from './problem'
import { randomId } from './random-id'
import { type Answer, callTimeoutMs, type Question, toAnswer } from './road'
import { type Position } from './stream'

export interface ConnectionEar {
  onUp(connection: Connection): void
  /** It did not come up, or went down: with what the server said about it, if it did. */
  onDown(connection: Connection, problem: TuttiProblem | undefined): void
  onMessage(name: string, message: unknown, connection: Connection): void
}

const connectTimeoutMs = 8_000
/** So long a call may take to end on a connection that is left. */
const retireMs = callTimeoutMs

/** One socket, from its handshake to its end. It never comes back: another one does. */
export class Connection {
  readonly #link: Socket
  #goodbye: TuttiProblem | undefined
  #isOver = false
  #underWay = 0
  /** What is said about a channel is said in turn: a follow never overtakes an unfollow. */
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #follows = new Follows(question => this.ask(question))

  constructor(
    url: string,
    private token: string,
    private readonly ear: ConnectionEar,
  ) {
    this.#link = io(url, {
      auth: { token },
      // Proxies choose the node by it: a new one leads away from a node that is overloaded or going away.
      query: { nid: randomId() },
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      timeout: connectTimeoutMs,
    })
    this.#link.on('connect', () => this.ear.onUp(this))
    this.#link.on('connect_error', error => {
      const isRefusal = 'data' in error && typeof error.data === 'object'
      this.#end(isRefusal ? toProblem(error.data) : unreachable(error))
    })
    this.#link.on('disconnect', () => this.#end(this.#goodbye))
    this.#link.onAny((name: string, message: unknown) => {
      if (name === 'session.closed') this.#goodbye = toProblem(message)
      this.ear.onMessage(name, message, this)
    })
  }

  get isUp(): boolean {
    return this.#link.connected
  }

  async ask({ name, input, key }: Question): Promise<Answer> {
    this.#underWay += 1
    try {
      const sent = { input, ...(key === undefined ? {} : { key }) }
      return toAnswer(await this.#link.timeout(callTimeoutMs).emitWithAck(name, sent).catch(notAnswered))
    } finally {
      this.#underWay -= 1
    }
  }

  /** Goes on with a newer token; answers whether there was one. @throws TuttiProblem */
  async refresh(token: string): Promise<boolean> {
    if (token === this.token) return false
    await this.ask({ name: 'session.refresh', input: { token } })
    this.token = token
    return true
  }

  /** Follows after a place, in turn. @throws TuttiProblem */
  follow(channel: string, after: Position | undefined): Promise<unknown> {
    return this.#inTurn(channel, () => this.#follows.follow({ channel, ...(after && { after }) }))
  }

  /** In turn. @throws TuttiProblem */
  async unfollow(channel: string): Promise<void> {
    await this.#inTurn(channel, () => this.ask({ name: 'channel.unfollow', input: { channel } }))
  }

  /** When all that was asked about the channel before is answered. */
  #inTurn<T>(channel: string, ask: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(channel) ?? Promise.resolve()).then(ask)
    const settled = turn.catch(() => undefined)
    this.#turns.set(channel, settled)
    void settled.then(() => this.#turns.get(channel) === settled && this.#turns.delete(channel))
    return turn
  }

  /** Lets what was asked be answered, and closes then. */
  async retire(): Promise<void> {
    const pauseMs = 50
    for (let waitedMs = 0; this.#underWay > 0 && waitedMs < retireMs; waitedMs += pauseMs)
      await new Promise(resolve => setTimeout(resolve, pauseMs))
    this.close()
  }

  close(): void {
    this.#isOver = true
    this.#link.disconnect()
  }

  #end(problem: TuttiProblem | undefined): void {
    if (this.#isOver) return
    this.close()
    this.ear.onDown(this, problem)
  }
}

function notAnswered(cause: unknown): never {
  throw unreachable(cause)
}
