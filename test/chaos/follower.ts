import { setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { io, type Socket } from 'socket.io-client'
import { type Problem } from '../../kernel/pipeline/refusals'
import { type CatchUp, type EventFrame } from '../../kernel/events/frames'
import { followWithLongPoll, followWithSse } from './rest-transports'
import { type Random } from './random'
import { ChannelReplica } from './channel-replica'

export const transports = ['websocket', 'polling', 'long-poll', 'sse'] as const
export type Transport = (typeof transports)[number]

export interface FollowerOptions {
  name: string
  token: string
  channels: readonly string[]
  urls: readonly string[]
  random: Random
  transport?: Transport
}

const connectWithinMs = 5_000
const answerWithinMs = 5_000
const reconnectDelayMaxMs = 300

/** A client that follows channels and reconnects after every failure, with plain `socket.io-client` or plain HTTP. */
export class Follower {
  readonly replicas: readonly ChannelReplica[]
  /** The number of problems received, by code. */
  readonly problems = new Map<string, number>()
  /** The number of connections made. */
  connections = 0
  /** The current socket, if the transport uses one. */
  socket: Socket | undefined
  /** The problem with which the server refused for good, if it did. */
  finalProblem: Problem | undefined
  private controller = new AbortController()
  private running: Promise<void> = Promise.resolve()

  constructor(readonly options: FollowerOptions) {
    this.replicas = options.channels.map(channel => new ChannelReplica(channel))
    this.switchTransport(options.transport ?? 'websocket')
  }

  /** Switches to another transport and aborts requests on the old one. */
  switchTransport(transport: Transport): void {
    this.controller.abort()
    for (const side of this.replicas) side.startRequest()
    this.controller = new AbortController()
    const { signal } = this.controller
    // Every connection adds a listener, so turn off the listener limit.
    setMaxListeners(0, signal)
    this.running = this.running.then(() => this.follow(transport, signal))
  }

  async close(): Promise<void> {
    this.controller.abort()
    await this.running
  }

  private async follow(transport: Transport, signal: AbortSignal): Promise<void> {
    const { random } = this.options
    if (transport === 'long-poll' || transport === 'sse') {
      const read = transport === 'sse' ? followWithSse : followWithLongPoll
      const readOnce = async (side: ChannelReplica) => {
        const problem = await read(this.options, side, signal)
        if (problem !== undefined) await this.wait(problem, signal)
      }
      await Promise.all(this.replicas.map(side => this.repeat(() => readOnce(side), random, signal)))
      return
    }
    await this.repeat(() => this.overSocket(transport, signal), random, signal)
    this.socket?.disconnect()
    this.socket = undefined
  }

  private async repeat(attempt: () => Promise<void>, random: Random, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.finalProblem === undefined) {
      await attempt()
      await pause(random.between(0, reconnectDelayMaxMs), undefined, { signal }).catch(() => undefined)
    }
  }

  /** One connection, until it is lost or the server asks to move; then the old one stays open until the next has followed. */
  private async overSocket(transport: 'websocket' | 'polling', signal: AbortSignal): Promise<void> {
    const { urls, random, token } = this.options
    const socket = io(random.pick(urls), {
      auth: { token, channels: this.options.channels },
      query: { nid: random.between(0, 1e9).toString(36) },
      transports: [transport],
      reconnection: false,
      forceNew: true,
      timeout: connectWithinMs,
    })
    const ended = new Promise<void>(resolve => {
      socket.once('disconnect', () => resolve())
      socket.once('connection.draining', () => resolve())
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
    await Promise.all(this.replicas.map(side => this.catchUp(socket, side, signal)))
    before?.disconnect()
    await ended
  }

  private listen(socket: Socket, signal: AbortSignal): void {
    socket.on('events', (frame: EventFrame) => {
      const side = this.replicas.find(({ channel }) => channel === frame.channel)
      if (side === undefined || signal.aborted) return
      if (side.receiveFrame(frame) === 'hole') void this.catchUp(this.socket ?? socket, side, signal)
    })
    socket.on('resync', ({ channels }: { channels: string[] }) => {
      this.note({ code: 'resync' })
      for (const side of this.replicas)
        if (channels.includes(side.channel)) void this.catchUp(this.socket ?? socket, side, signal)
    })
    for (const name of ['call.refused', 'connection.closed'])
      socket.on(name, (problem: Problem) => {
        this.note(problem)
        if (name === 'connection.closed' && isFinal(problem)) this.finalProblem = problem
      })
    socket.on('channel.closed', ({ problem }: { problem: Problem }) => this.note(problem))
  }

  /** Follows until nothing is missing. Disconnects if there is no reply. */
  private async catchUp(socket: Socket, side: ChannelReplica, signal: AbortSignal): Promise<void> {
    while (socket.connected && !signal.aborted) {
      const requestId = side.startRequest()
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
        if (!side.applyCatchUp(reply.data)) return
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
    if (isFinal(problem)) this.finalProblem = problem
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
