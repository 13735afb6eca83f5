import { Channel, type ChannelDependencies, type StartOptions } from './channel'
import { type Transport } from '../transports/feed'
import { Follower, type ChannelHandlers, type DeliveryQueue } from './follower'
import { type Offsets } from './offsets'
import { clientClosed, type TuttiProblem } from '../problem'
import { type Fields, type Position } from './frames'

export interface FollowOptions {
  /** Starts after this position, instead of the stored one or now. */
  after?: Position | undefined
  /** Without a position to start from, starts with a snapshot, passed to `onSnapshot`. */
  snapshot?: boolean | undefined
  /** Aborts the follow, or stops it later. */
  signal?: AbortSignal | undefined
}

export interface Subscription {
  /** Unfollows the channel; resolves when the server has confirmed it or cannot be reached. */
  unfollow(): Promise<void>
  /** Everything up to this position has been delivered to your listener. */
  readonly position: Position | undefined
}

/** A follow whose consumer fetches events on demand, for `client.events()`. */
export interface PullSubscription extends Subscription {
  resume(): void
}

/** The channels that this client follows. */
export class Channels {
  readonly #channels = new Map<string, Promise<Channel>>()
  readonly #open = new Map<string, Channel>()
  #ended: TuttiProblem | undefined

  constructor(
    private readonly offsets: Offsets,
    private readonly tools: Omit<ChannelDependencies, 'onEnd'>,
  ) {}

  /** Resolves when the channel is followed from its start position, however long that takes. @throws TuttiProblem */
  async follow(
    name: string,
    handlers: ChannelHandlers,
    options: FollowOptions,
    queue?: DeliveryQueue,
  ): Promise<PullSubscription> {
    const { after, signal } = options
    const withSnapshot = options.snapshot === true && handlers.onSnapshot !== undefined
    this.#throwIfEnded()
    signal?.throwIfAborted()
    const start = { position: after, withSnapshot }
    const opening = this.#channels.get(name) ?? this.#begin(name, start)
    const channel = await opening
    this.#throwIfEnded()
    const report = (problem: TuttiProblem) => this.tools.report(problem, name)
    const touch = () => this.offsets.schedule(name, () => channel.delivered)
    const follower = new Follower(handlers, report, touch, queue)
    const stop = async () => {
      // Read the position before the follower leaves and it is lost.
      const { delivered } = channel
      this.offsets.schedule(name, () => delivered)
      await channel.leave(follower)
      await this.offsets.flush()
    }
    signal?.addEventListener('abort', () => void stop(), { once: true })
    const joined = channel.join(follower, start)
    if (isAborted(signal)) void stop()
    await joined
    signal?.throwIfAborted()
    return {
      unfollow: stop,
      resume: () => channel.resume(follower),
      get position() {
        return follower.delivered
      },
    }
  }

  /** Moves all channels to a transport; resolves when they are resumed. */
  useTransport(transport: Transport): Promise<unknown> {
    return Promise.all([...this.#open.values()].map(channel => channel.useTransport(transport)))
  }

  /** Takes a message that arrived over the socket. */
  receive(name: string, message: Fields): void {
    const names = Array.isArray(message.channels) ? message.channels : [message.channel]
    for (const channel of names) this.#open.get(String(channel))?.receive(name, message)
  }

  /** Ends all channels for good. */
  async end(problem: TuttiProblem = clientClosed()): Promise<void> {
    this.#ended ??= problem
    await Promise.all([...this.#open.values()].map(channel => channel.end(problem)))
  }

  #throwIfEnded(): void {
    if (this.#ended !== undefined) throw this.#ended
  }

  #begin(name: string, start: StartOptions): Promise<Channel> {
    const opening = this.offsets.get(name).then(stored => {
      const tools = { ...this.tools, onEnd: (channel: Channel) => this.#forget(channel) }
      const channel = new Channel(name, { ...start, position: start.position ?? stored }, tools)
      this.#open.set(name, channel)
      return channel
    })
    this.#channels.set(name, opening)
    return opening
  }

  #forget(channel: Channel): void {
    this.#open.delete(channel.name)
    this.#channels.delete(channel.name)
  }
}

/** Checks again: the signal may abort during any await. */
const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true
