import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { Server, type Socket } from 'socket.io'
import { type Position, type Problem, type ChannelEvent } from '../../client'

export const channel = 'track:00000000-0000-7000-8000-000000000000'

export const makeProblem = (code: string, status: number, more: Partial<Problem> = {}): Problem => ({
  ...{ type: 'about:blank', title: code, code, status, requestId: 'r' },
  ...more,
})

interface FollowInput {
  channel?: string
  after?: Position
}

/**
 * A server that speaks the protocol on one channel and sends what a test scripts, including messages that the real server never
 * sends.
 */
export class ScriptedServer implements AsyncDisposable {
  handshakes = 0
  /** The problems with which the next handshakes are refused. */
  readonly refusals: Problem[] = []
  /** The names of the follow calls received. */
  readonly calls: string[] = []
  /** Channels whose follow is refused. */
  readonly forbidden = new Set<string>()
  /** The `after` positions of the follows received. */
  readonly requestedPositions: (Position | undefined)[] = []
  readonly log: ChannelEvent[] = []
  epoch = 'a'

  private constructor(
    private readonly io: Server,
    readonly url: string,
  ) {
    io.use((_socket, next) => {
      this.handshakes += 1
      const data = this.refusals.shift()
      next(data && Object.assign(new Error(data.code), { data }))
    })
    io.on('connection', (socket: Socket) => {
      const { handshake } = socket
      socket.data = { nid: handshake.query.nid }
      socket.on('channel.follow', ({ input }: { input: FollowInput }, ack: (reply: unknown) => void) => {
        this.calls.push('channel.follow')
        ack(this.follow(input))
      })
      socket.on(
        'channel.followAll',
        ({ input }: { input: { channels: FollowInput[] } }, ack: (reply: unknown) => void) => {
          this.calls.push('channel.followAll')
          ack({ data: { followed: input.channels.map(one => this.follow(one)) } })
        },
      )
      socket.on('channel.unfollow', (_sent: unknown, ack: (reply: unknown) => void) => ack({ data: { channel } }))
    })
  }

  static async open(): Promise<ScriptedServer> {
    const http = createServer((_request, response) => {
      response.writeHead(503, { 'content-type': 'application/problem+json' })
      response.end(JSON.stringify(makeProblem('unavailable', 503)))
    })
    const io = new Server(http)
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    return new ScriptedServer(io, `http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  }

  /** Appends events to the log without sending them. */
  appendEvents(count: number): ChannelEvent[] {
    const events = Array.from({ length: count }, () => {
      const offset = this.log.length + 1
      const event = { offset, id: `${this.epoch}${offset}`, name: 'test.numberEmitted', at: '', data: { n: offset } }
      this.log.push(event)
      return event
    })
    return events
  }

  emit(name: string, message: unknown): void {
    this.io.emit(name, message)
  }

  sendFrame(events: readonly ChannelEvent[]): void {
    this.emit('events', { channel, epoch: this.epoch, events })
  }

  /** Closes all connections with this problem. */
  close(why: Problem): void {
    this.emit('connection.closed', why)
    this.io.disconnectSockets(true)
  }

  /** The `nid` parameters of the connected clients. */
  async nids(): Promise<unknown[]> {
    return (await this.io.fetchSockets()).map(({ data }) => (data as { nid: unknown }).nid)
  }

  private follow({ channel: requested = channel, after }: FollowInput) {
    this.requestedPositions.push(after)
    if (this.forbidden.has(requested)) return { error: makeProblem('forbidden', 403) }
    return { data: { ...this.catchUp(after), channel: requested } }
  }

  private catchUp(after?: Position) {
    const recovered = after?.epoch === this.epoch && after.offset <= this.log.length
    const events = recovered ? this.log.slice(after.offset) : []
    return { channel, epoch: this.epoch, latestOffset: this.log.length, events, recovered, hasMore: false, state: {} }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.io.close()
  }
}
