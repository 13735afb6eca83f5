import { type Events } from './operations'
import { type Live } from './live'
import { listenerFailed, toProblem, TuttiProblem } from './problem'
import { isUnreachable } from './road'

/** Something that has happened, as it arrives: `id` is a UUID, `at` an instant in ISO 8601. Tell them apart by `name`. */
export type TuttiEvent = {
  [N in keyof Events]: { id: string; name: N; at: string; data: Events[N] }
}[keyof Events]

export interface Follower {
  listener: (event: TuttiEvent) => void
  onGap?: (() => void) | undefined
}

export interface Following {
  /** Hears nothing more; resolves when the server knows, or cannot be told. */
  stop(): Promise<void>
}

interface Channel {
  followers: Set<Follower>
  /** Settles when the server has agreed, or not, for the first time. */
  joined: Promise<unknown>
  isJoined: boolean
}

const retryAfterS = 1

/** The channels that this client follows; whatever happens to the connection, they are followed again. */
export class Channels {
  private readonly followed = new Map<string, Channel>()

  constructor(
    private readonly live: Live,
    private readonly report: (problem: TuttiProblem, channel: string) => void,
  ) {
    live.onMessage('events', frame => this.deliver(frame))
    live.onMessage('channel.closed', closed => this.close(closed))
    live.onConnected(() => {
      for (const [name, channel] of this.followed) if (channel.isJoined) void this.joinAgain(name, channel)
    })
  }

  /** @throws TuttiProblem `not_found`, `forbidden`, `too_many_channels`; whatever keeps the socket from connecting. */
  async follow(name: string, follower: Follower): Promise<Following> {
    const channel = this.followed.get(name) ?? this.join(name)
    channel.followers.add(follower)
    await channel.joined
    return { stop: () => this.leave(name, channel, follower) }
  }

  private join(name: string): Channel {
    const channel: Channel = { followers: new Set(), joined: this.askToJoin(name), isJoined: false }
    this.followed.set(name, channel)
    channel.joined.then(
      () => (channel.isJoined = true),
      () => this.followed.delete(name),
    )
    return channel
  }

  private async askToJoin(name: string): Promise<void> {
    await this.live.connected()
    await this.live.ask({ name: 'channel.follow', input: { channel: name } })
  }

  /** What happened between the old connection and the new one was not heard. */
  private async joinAgain(name: string, channel: Channel): Promise<void> {
    try {
      await this.askToJoin(name)
      if (!this.followed.has(name)) await this.askToLeave(name)
      for (const { onGap } of [...channel.followers]) onGap?.()
    } catch (error) {
      // A connection that is lost once more will be followed by another one.
      if (isUnreachable(error) || !(error instanceof TuttiProblem) || this.followed.get(name) !== channel) return
      if (error.isTemporary) this.joinLater(name, channel, error.retryAfter)
      else this.followed.delete(name)
      this.report(error, name)
    }
  }

  private joinLater(name: string, channel: Channel, afterS = retryAfterS): void {
    this.live.timers.start(afterS * 1_000, () => {
      if (this.followed.get(name) === channel) void this.joinAgain(name, channel)
    })
  }

  private async leave(name: string, channel: Channel, follower: Follower): Promise<void> {
    channel.followers.delete(follower)
    if (channel.followers.size > 0 || this.followed.get(name) !== channel) return
    this.followed.delete(name)
    await this.askToLeave(name)
  }

  private async askToLeave(name: string): Promise<void> {
    await this.live.ask({ name: 'channel.unfollow', input: { channel: name } }).catch(() => undefined)
  }

  private deliver(frame: unknown): void {
    if (!isFrame(frame)) return
    const followers = [...(this.followed.get(frame.channel)?.followers ?? [])]
    for (const event of frame.events) for (const follower of followers) this.tell(frame.channel, follower, event)
  }

  /** We may follow it no longer. */
  private close(closed: unknown): void {
    if (!isClosed(closed) || !this.followed.delete(closed.channel)) return
    this.report(toProblem(closed.problem), closed.channel)
  }

  /** A listener that throws takes nothing from the others. */
  private tell(name: string, { listener }: Follower, event: TuttiEvent): void {
    try {
      listener(event)
    } catch (error) {
      this.report(listenerFailed(error), name)
    }
  }
}

const isClosed = (closed: unknown): closed is { channel: string; problem: unknown } =>
  typeof closed === 'object' &&
  closed !== null &&
  'channel' in closed &&
  typeof closed.channel === 'string' &&
  'problem' in closed

/** The events of a channel as they travel: the server keeps their shape, as the types generated from it say. */
const isFrame = (frame: unknown): frame is { channel: string; events: TuttiEvent[] } =>
  typeof frame === 'object' &&
  frame !== null &&
  'channel' in frame &&
  typeof frame.channel === 'string' &&
  'events' in frame &&
  Array.isArray(frame.events)
