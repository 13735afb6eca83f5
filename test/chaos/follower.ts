import { setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { io, type Socket } from 'socket.io-client'
import { type Problem } from '../../kernel/refusals'
import { type CatchUp, type StreamFrame } from '../../kernel/stream'
import { longPoll, serverSentEvents } from './over-rest'
import { type Random } from './random'
import { Side } from './side'

export const roads = ['websocket', 'polling', 'long-poll', 'sse'] as const
export type Road = (typeof roads)[number]

export interface FollowerWish {
  name: string
  token: string
  channels: readonly string[]
  urls: readonly string[]
  random: Random
  road?: Road
}

const connectWithinMs = 5_000
const answerWithinMs = 5_000
const reconnectDelayMaxMs = 300

/** A client that follows channels and reconnects after every failure, with plain `socket.io-client` or plain HTTP. */
export class Follower {
  readonly sides: readonly Side[]
  /** The number of problems received, by code. */
  readonly problems = new Map<string, number>()
  /** The number of connections made. */
  connections = 0
  /** The current socket, if the transport uses one. */
  socket: Socket | undefined
  /** The problem with which the server refused for good, if it did. */
  turnedAway: Problem | undefined
  private controller = new AbortController()
  private running: Promise<void> = Promise.resolve()

  constructor(readonly wish: FollowerWish) {
    this.sides = wish.channels.map(channel => new Side(channel))
    this.take(wish.road ?? 'websocket')
  }

  /** Switches to another transport and aborts requests on the old one. */
  take(road: Road): void {
    this.controller.abort()
    for (const side of this.sides) side.ask()
    this.controller = new AbortController()
    const { signal } = this.controller
    // Every connection adds a listener, so turn off the listener limit.
    setMaxListeners(0, signal)
    this.running = this.running.then(() => this.follow(road, signal))
  }

  async leave(): Promise<void> {
    this.controller.abort()
    await this.running
  }

  private async follow(road: Road, signal: AbortSignal): Promise<void> {
    const { random } = this.wish
    if (road === 'long-poll' || road === 'sse') {
      const read = road === 'sse' ? serverSentEvents : longPoll
      const readOnce = async (side: Side) => {
        const problem = await read(this.wish, side, signal)
        if (problem !== undefined) await this.wait(problem, signal)
      }
      await Promise.all(this.sides.map(side => this.repeat(() => readOnce(side), random, signal)))
      return
    }
    await this.repeat(() => this.overSocket(road, signal), random, signal)
    this.socket?.disconnect()
    this.socket = undefined
  }

  private async repeat(attempt: () => Promise<void>, random: Random, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.turnedAway === undefined) {
      await attempt()
      await pause(random.between(0, reconnectDelayMaxMs), undefined, { signal }).catch(() => undefined)
    }
  }

  /** One connection, until it is lost or the server asks to move; then the old one stays open until the next has followed. */
  private async overSocket(road: 'websocket' | 'polling', signal: AbortSignal): Promise<void> {
    const { urls, random, token } = this.wish
    const socket = io(random.pick(urls), {
      auth: { token, channels: this.wish.channels },
      query: { nid: random.between(0, 1e9).toString(36) },
      transports: [road],
      reconnection: false,
      forceNew: true,
      timeout: connectWithinMs,
    })
    const ended = new Promise<void>(resolve => {
      socket.once('disconnect', () => resolve())
      socket.once('session.moving', () => resolve())
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    this.listen(socket, signal)
    const refused = await connected(socket, signal)
    if (refused !== undefined) {
      socket.disconnect()
      if (!signal.aborted) await this.wait(refused, signal)
      return
    }
    this.connections += 1
    const before = this.socket
    this.socket = socket
    await Promise.all(this.sides.map(side => this.catchUp(socket, side, signal)))
    before?.disconnect()
    await ended
  }

  private listen(socket: Socket, signal: AbortSignal): void {
    socket.on('events', (frame: StreamFrame) => {
      const side = this.sides.find(({ channel }) => channel === frame.channel)
      if (side === undefined || signal.aborted) return
      if (side.hear(frame) === 'hole') void this.catchUp(this.socket ?? socket, side, signal)
    })
    socket.on('resync', ({ channels }: { channels: string[] }) => {
      this.note({ code: 'resync' })
      for (const side of this.sides)
        if (channels.includes(side.channel)) void this.catchUp(this.socket ?? socket, side, signal)
    })
    for (const name of ['refused', 'session.closed'])
      socket.on(name, (problem: Problem) => {
        this.note(problem)
        if (name === 'session.closed' && isFinal(problem)) this.turnedAway = problem
      })
    socket.on('channel.closed', ({ problem }: { problem: Problem }) => this.note(problem))
  }

  /** Follows until nothing is missing. Disconnects if there is no reply. */
  private async catchUp(socket: Socket, side: Side, signal: AbortSignal): Promise<void> {
    while (socket.connected && !signal.aborted) {
      const requestId = side.ask()
      const { channel, position } = side
      const input = { channel, ...(position === undefined ? {} : { after: position }) }
      const reply = await socket
        .timeout(answerWithinMs)
        .emitWithAck('channel.follow', { input })
        .then(
          answer => answer as { data?: CatchUp; error?: Problem },
          () => undefined,
        )
      if (!side.isCurrent(requestId)) return
      if (reply?.data !== undefined) {
        if (!side.catchUp(reply.data)) return
      } else if (reply?.error !== undefined) {
        await this.wait(reply.error, signal)
        // Another connection may have sent a newer request meanwhile.
        if (isFinal(reply.error) || !side.isCurrent(requestId)) return
      } else {
        socket.disconnect()
        return
      }
    }
  }

  /** Waits for the problem's `retryAfter`; an Error is a lost connection, without a wait. */
  private async wait(problem: Problem | Error, signal: AbortSignal): Promise<void> {
    if (problem instanceof Error) return
    this.note(problem)
    if (isFinal(problem)) this.turnedAway = problem
    else await pause((problem.retryAfter ?? 0) * 1_000, undefined, { signal }).catch(() => undefined)
  }

  private note({ code }: Pick<Problem, 'code'>): void {
    this.problems.set(code, (this.problems.get(code) ?? 0) + 1)
  }
}

/** The tokens of these tests do not expire, so 401 and 403 are final. */
const isFinal = ({ status }: Problem): boolean => status === 401 || status === 403

/** Resolves when the socket is connected, or with the reason why not; a socket that is cut early may only emit `disconnect`, or nothing. */
function connected(socket: Socket, signal: AbortSignal): Promise<Problem | Error | undefined> {
  return new Promise(resolve => {
    const timer = setTimeout(() => settle(new Error('no answer')), connectWithinMs)
    const settle = (problem?: Problem | Error) => {
      clearTimeout(timer)
      resolve(problem)
    }
    socket.once('connect', () => settle())
    socket.once('connect_error', (error: Error & { data?: Problem }) => settle(error.data ?? error))
    socket.once('disconnect', reason => settle(new Error(reason)))
    signal.addEventListener('abort', () => settle(new Error('transport changed')), { once: true })
  })
}
