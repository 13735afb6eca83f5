import { io, type Socket } from 'socket.io-client'
import { type Problem } from '../../kernel/pipeline/refusals'
import { type CatchUp, type StateFrame, type EventFrame, type ChannelState } from '../../kernel/events/frames'
import { type Position } from '../../kernel/events/position'
import { waitUntil } from '../kernel/wait-until'
import { type Reply } from '../person'

export interface FollowerOptions {
  channel: string
  /** The position of a snapshot. */
  after: Position
  token: string
  urls: readonly string[]
  onEvent: (event: EventFrame['events'][number]) => void
  onState: (values: ChannelState) => void
}

const answerWithinMs = 10_000

/** A plain client of one channel that reconnects to another node each time. Delivers every event after a position, in order, once. */
export class Follower implements AsyncDisposable {
  position: Position
  /** The problem that ended the subscription. */
  closeProblem: Problem | undefined
  private socket: Socket | undefined
  private connections = 0
  /** Frames that arrived before the reply to the follow. */
  private early: EventFrame[] | undefined
  /** Serializes connects and follows. */
  private pending: Promise<void> = Promise.resolve()

  constructor(private readonly options: FollowerOptions) {
    this.position = options.after
  }

  /** Drops the connection, if there is one, and resumes after the last event. */
  reconnect(): Promise<void> {
    this.pending = this.pending.then(() => this.connect())
    return this.pending
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pending.catch(() => undefined)
    this.socket?.disconnect()
  }

  private async connect(): Promise<void> {
    this.socket?.io.engine.close()
    this.early = []
    const { urls, token } = this.options
    const url = urls[this.connections % urls.length] ?? ''
    this.connections += 1
    const socket = io(url, { auth: { token }, transports: ['websocket'], forceNew: true, reconnection: false })
    this.socket = socket
    this.listen(socket)
    await waitUntil(() => socket.connected)
    await this.follow(socket)
  }

  private listen(socket: Socket): void {
    const on = <M extends { channel: string }>(name: string, handle: (message: M) => void) =>
      socket.on(name, (message: M) => {
        if (socket === this.socket && message.channel === this.options.channel) handle(message)
      })
    on<EventFrame>('events', frame => this.receive(frame, socket))
    on<StateFrame>('state', ({ values }) => this.options.onState(values))
    on<{ channel: string; problem: Problem }>('channel.closed', ({ problem }) => (this.closeProblem = problem))
    socket.on('resync', () => this.followAgain(socket))
    socket.on('connect_error', () => setTimeout(() => socket.connect(), 100))
  }

  private followAgain(socket: Socket): void {
    this.early ??= []
    this.pending = this.pending.then(() => this.follow(socket))
  }

  private async follow(socket: Socket): Promise<void> {
    const { channel } = this.options
    for (let more = true; more && socket === this.socket;) {
      const input = { channel, after: this.position }
      const reply = (await socket.timeout(answerWithinMs).emitWithAck('channel.follow', { input })) as Reply
      if (reply.error !== undefined) {
        this.closeProblem = reply.error
        return
      }
      const answer = reply.data as CatchUp
      if (!answer.recovered)
        throw new Error(`${channel} could not be recovered after ${this.position.epoch}:${this.position.offset}`)
      this.apply(answer)
      this.options.onState(answer.state)
      more = answer.hasMore
    }
    const early = this.early ?? []
    this.early = undefined
    for (const frame of early) this.receive(frame, socket)
  }

  private receive(frame: EventFrame, socket: Socket): void {
    if (this.early !== undefined) this.early.push(frame)
    else if (!this.apply(frame)) this.followAgain(socket)
  }

  /** Applies new events; false if events before them are missing. */
  private apply({ epoch, events }: Pick<EventFrame, 'epoch' | 'events'>): boolean {
    for (const event of events) {
      if (event.offset <= this.position.offset) continue
      if (event.offset > this.position.offset + 1) return false
      this.position = { epoch, offset: event.offset }
      this.options.onEvent(event)
    }
    return true
  }
}
