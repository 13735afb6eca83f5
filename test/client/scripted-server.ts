import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { Server, type Socket } from 'socket.io'
import { type Position, type Problem, type StreamEvent } from '../../client'

export const channel = 'track:00000000-0000-7000-8000-000000000000'

export const problem = (code: string, status: number, more: Partial<Problem> = {}): Problem => ({
  ...{ type: 'about:blank', title: code, code, status, requestId: 'r' },
  ...more,
})

interface Wish {
  channel?: string
  after?: Position
}

/**
 * A server that speaks the contract on one channel and says what a test tells it to, also what no good server would: the
 * real one cannot be made to.
 */
export class ScriptedServer implements AsyncDisposable {
  handshakes = 0
  /** What the next handshakes are refused with. */
  readonly refusals: Problem[] = []
  /** The names of the calls that asked to follow. */
  readonly calls: string[] = []
  /** Whether it knows no `channel.followAll`, as the release before. */
  isOld = false
  /** Channels that may not be followed. */
  readonly forbidden = new Set<string>()
  /** Where follows asked to go on from. */
  readonly asked: (Position | undefined)[] = []
  readonly log: StreamEvent[] = []
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
      socket.on('channel.follow', ({ input }: { input: Wish }, ack: (reply: unknown) => void) => {
        this.calls.push('channel.follow')
        ack(this.follow(input))
      })
      socket.on('channel.followAll', ({ input }: { input: { channels: Wish[] } }, ack: (reply: unknown) => void) => {
        this.calls.push('channel.followAll')
        if (this.isOld) ack({ error: problem('unknown_operation', 404) })
        else ack({ data: { followed: input.channels.map(wish => this.follow(wish)) } })
      })
      socket.on('channel.unfollow', (_sent: unknown, ack: (reply: unknown) => void) => ack({ data: { channel } }))
    })
  }

  static async open(): Promise<ScriptedServer> {
    const http = createServer((_request, response) => {
      response.writeHead(503, { 'content-type': 'application/problem+json' })
      response.end(JSON.stringify(problem('unavailable', 503)))
    })
    const io = new Server(http)
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    return new ScriptedServer(io, `http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  }

  /** Writes so many events into the log, and tells nobody. */
  write(count: number): StreamEvent[] {
    const events = Array.from({ length: count }, () => {
      const offset = this.log.length + 1
      const event = { offset, id: `${this.epoch}${offset}`, name: 'test.counted', at: '', data: { n: offset } }
      this.log.push(event)
      return event
    })
    return events
  }

  say(name: string, message: unknown): void {
    this.io.emit(name, message)
  }

  frame(events: readonly StreamEvent[]): void {
    this.say('events', { channel, epoch: this.epoch, events })
  }

  /** Closes all connections with what the server says about it. */
  close(why: Problem): void {
    this.say('session.closed', why)
    this.io.disconnectSockets(true)
  }

  /** Which nodes the clients that are connected have chosen. */
  async nids(): Promise<unknown[]> {
    return (await this.io.fetchSockets()).map(({ data }) => (data as { nid: unknown }).nid)
  }

  private follow({ channel: asked = channel, after }: Wish) {
    this.asked.push(after)
    if (this.forbidden.has(asked)) return { error: problem('forbidden', 403) }
    return { data: { ...this.catchUp(after), channel: asked } }
  }

  private catchUp(after?: Position) {
    const recovered = after?.epoch === this.epoch && after.offset <= this.log.length
    const events = recovered ? this.log.slice(after.offset) : []
    return { channel, epoch: this.epoch, top: this.log.length, events, recovered, more: false, state: {} }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.io.close()
  }
}
