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
const comeBackMs = 300

/** Somebody who follows some channels, whatever happens to the connection, over a plain `socket.io-client` or plain HTTP. */
export class Follower {
  readonly sides: readonly Side[]
  /** Problems that the server named, by code. */
  readonly problems = new Map<string, number>()
  /** Connections that were made. */
  connections = 0
  /** The socket that frames come by at the moment, if one does. */
  socket: Socket | undefined
  /** Set when the server said that it is not worth coming back. */
  turnedAway: Problem | undefined
  private travel = new AbortController()
  private travelling: Promise<void> = Promise.resolve()

  constructor(readonly wish: FollowerWish) {
    this.sides = wish.channels.map(channel => new Side(channel))
    this.take(wish.road ?? 'websocket')
  }

  /** Changes to another road: whatever was under way on the old one is cut. */
  take(road: Road): void {
    this.travel.abort()
    for (const side of this.sides) side.ask()
    this.travel = new AbortController()
    const { signal } = this.travel
    // Each of many connections listens to it.
    setMaxListeners(0, signal)
    this.travelling = this.travelling.then(() => this.follow(road, signal))
  }

  async leave(): Promise<void> {
    this.travel.abort()
    await this.travelling
  }

  private async follow(road: Road, signal: AbortSignal): Promise<void> {
    const { random } = this.wish
    if (road === 'long-poll' || road === 'sse') {
      const read = road === 'sse' ? serverSentEvents : longPoll
      const ask = async (side: Side) => {
        const problem = await read(this.wish, side, signal)
        if (problem !== undefined) await this.wait(problem, signal)
      }
      await Promise.all(this.sides.map(side => this.repeat(() => ask(side), random, signal)))
      return
    }
    await this.repeat(() => this.overSocket(road, signal), random, signal)
    this.socket?.disconnect()
    this.socket = undefined
  }

  private async repeat(journey: () => Promise<void>, random: Random, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.turnedAway === undefined) {
      await journey()
      await pause(random.between(0, comeBackMs), undefined, { signal }).catch(() => undefined)
    }
  }

  /** One connection, from being made to being lost; or to being told to move, when the old one lives on until the next follows. */
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
    const over = new Promise<void>(resolve => {
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
    await over
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
    for (const bad of ['refused', 'session.closed'])
      socket.on(bad, (problem: Problem) => {
        this.note(problem)
        if (bad === 'session.closed' && isOver(problem)) this.turnedAway = problem
      })
    socket.on('channel.closed', ({ problem }: { problem: Problem }) => this.note(problem))
  }

  /** Follows until nothing is missing. No answer: the connection is as good as dead. */
  private async catchUp(socket: Socket, side: Side, signal: AbortSignal): Promise<void> {
    while (socket.connected && !signal.aborted) {
      const question = side.ask()
      const { channel, position } = side
      const input = { channel, ...(position === undefined ? {} : { after: position }) }
      const reply = await socket
        .timeout(answerWithinMs)
        .emitWithAck('channel.follow', { input })
        .then(
          answer => answer as { data?: CatchUp; error?: Problem },
          () => undefined,
        )
      if (!side.isCurrent(question)) return
      if (reply?.data !== undefined) {
        if (!side.catchUp(reply.data)) return
      } else if (reply?.error !== undefined) {
        await this.wait(reply.error, signal)
        // Another connection may have asked meanwhile.
        if (isOver(reply.error) || !side.isCurrent(question)) return
      } else {
        socket.disconnect()
        return
      }
    }
  }

  /** As the problem says; what has no status is a connection that was lost. */
  private async wait(problem: Problem | Error, signal: AbortSignal): Promise<void> {
    if (problem instanceof Error) return
    this.note(problem)
    if (isOver(problem)) this.turnedAway = problem
    else await pause((problem.retryAfter ?? 0) * 1_000, undefined, { signal }).catch(() => undefined)
  }

  private note({ code }: Pick<Problem, 'code'>): void {
    this.problems.set(code, (this.problems.get(code) ?? 0) + 1)
  }
}

/** Our tokens live long: one that is refused stays refused. */
const isOver = ({ status }: Problem): boolean => status === 401 || status === 403

/** Resolves with nothing, or with why not: one that is cut before it is admitted is only told of a disconnect, or of nothing. */
function connected(socket: Socket, signal: AbortSignal): Promise<Problem | Error | undefined> {
  return new Promise(resolve => {
    const late = setTimeout(() => answer(new Error('no answer')), connectWithinMs)
    const answer = (why?: Problem | Error) => {
      clearTimeout(late)
      resolve(why)
    }
    socket.once('connect', () => answer())
    socket.once('connect_error', (error: Error & { data?: Problem }) => answer(error.data ?? error))
    socket.once('disconnect', reason => answer(new Error(reason)))
    signal.addEventListener('abort', () => answer(new Error('changed roads')), { once: true })
  })
}
