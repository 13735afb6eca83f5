import { io, type Socket } from 'socket.io-client'
import { type Reply, ProblemError } from '../person'

interface Frame {
  channel: string
  rev: number
  previousRev: number
  count: number
  joined: string[]
  left: string[]
}
interface Present {
  rev: number
  count: number
  members: string[] | null
}

/** A connection that follows a channel and maintains its presence, as documented. */
export class PresenceFollower {
  rev = 0
  count = 0
  /** Null if only the count is known. */
  members: Set<string> | null = new Set()
  readonly frames: Frame[] = []
  /** All profiles in `left` of any frame. */
  readonly leftIds: string[] = []
  followCount = 0
  /** Frames that arrive before the reply to a follow; they are applied after it. */
  private early: Frame[] | undefined

  private constructor(
    readonly socket: Socket,
    private readonly channel: string,
  ) {
    socket.on('presence', (frame: Frame) => {
      if (frame.channel === channel) this.receive(frame)
    })
    // A client must follow again after a reconnect.
    socket.io.on('reconnect', () => this.followAgain())
  }

  static async open(url: string, token: string, channel: string): Promise<PresenceFollower> {
    const socket = io(url, { auth: { token }, transports: ['websocket'], forceNew: true, reconnectionDelay: 20 })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('connect_error', reject)
    })
    const roster = new PresenceFollower(socket, channel)
    await roster.follow()
    return roster
  }

  async follow(): Promise<Present> {
    this.followCount += 1
    this.early ??= []
    const sent = { input: { channel: this.channel } }
    const reply = (await this.socket.timeout(8_000).emitWithAck('channel.follow', sent)) as Reply
    if (reply.error !== undefined) throw new ProblemError(reply.error)
    const { presence } = (reply.data as { state: { presence: Present } }).state
    if (presence.rev >= this.rev) {
      this.rev = presence.rev
      this.count = presence.count
      this.members = presence.members === null ? null : new Set(presence.members)
    }
    const early = this.early
    this.early = undefined
    for (const frame of early) this.apply(frame)
    return presence
  }

  /** Whether exactly these profiles are present. */
  hasExactly(...expected: string[]): boolean {
    const { members, count } = this
    return count === expected.length && members?.size === count && expected.every(id => members.has(id))
  }

  /** Drops the connection without a disconnect packet. */
  dropConnection(): void {
    this.socket.io.engine.close()
  }

  /** Drops the connection and does not reconnect. */
  goOffline(): void {
    this.socket.io.reconnection(false)
    this.dropConnection()
  }

  close(): void {
    this.socket.disconnect()
  }

  /** Ignores a failure: the next reconnect follows again. */
  private followAgain(): void {
    this.follow().catch(() => undefined)
  }

  private receive(frame: Frame): void {
    this.frames.push(frame)
    this.leftIds.push(...frame.left)
    if (this.early === undefined) this.apply(frame)
    else this.early.push(frame)
  }

  private apply(frame: Frame): void {
    if (frame.rev <= this.rev) return
    if (frame.previousRev > this.rev) {
      this.followAgain()
      return
    }
    const before = this.members ?? new Set<string>()
    for (const id of frame.joined) before.add(id)
    for (const id of frame.left) before.delete(id)
    this.members = frame.count > 200 ? null : before
    this.rev = frame.rev
    this.count = frame.count
  }
}
