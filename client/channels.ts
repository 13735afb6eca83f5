import { Channel, type ChannelTools, type Start } from './channel'
import { type Transport } from './feed'
import { Follower, type Handlers, type Outlet } from './follower'
import { type Offsets } from './offsets'
import { clientClosed, type TuttiProblem } from './problem'
import { type Fields, type Position } from './stream'

export interface FollowOptions {
  /** Begins behind this place, instead of where the store of offsets says, or now. */
  after?: Position | undefined
  /** Without a place to go on from, begins with a snapshot, for `onSnapshot`. */
  snapshot?: boolean | undefined
  /** Gives up, or stops. */
  signal?: AbortSignal | undefined
}

export interface Following {
  /** Hears nothing more; resolves when the server knows, or cannot be told. */
  stop(): Promise<void>
  /** Everything up to here has been given to you. */
  readonly position: Position | undefined
}

/** A follower together with its channel: for what fetches events instead of being told. */
export interface Followed extends Following {
  goOn(): void
}

/** The channels that this client follows. */
export class Channels {
  readonly #channels = new Map<string, Promise<Channel>>()
  readonly #open = new Map<string, Channel>()
  #ended: TuttiProblem | undefined

  constructor(
    private readonly offsets: Offsets,
    private readonly tools: Omit<ChannelTools, 'onEnd'>,
  ) {}

  /** Resolves when everything is heard from the start on, however long that takes. @throws TuttiProblem when it may not be. */
  async follow(name: string, handlers: Handlers, options: FollowOptions, outlet?: Outlet): Promise<Followed> {
    const { after, signal } = options
    const withSnapshot = options.snapshot === true && handlers.onSnapshot !== undefined
    this.#refuseOnceEnded()
    signal?.throwIfAborted()
    const start = { place: after, withSnapshot }
    const opening = this.#channels.get(name) ?? this.#begin(name, start)
    const channel = await opening
    this.#refuseOnceEnded()
    const report = (problem: TuttiProblem) => this.tools.report(problem, name)
    const touch = () => this.offsets.touch(name, () => channel.given)
    const follower = new Follower(handlers, report, touch, outlet)
    const stop = async () => {
      // Before it is forgotten where it is.
      const { given } = channel
      this.offsets.touch(name, () => given)
      await channel.leave(follower)
      await this.offsets.flush()
    }
    signal?.addEventListener('abort', () => void stop(), { once: true })
    const joined = channel.join(follower, start)
    if (isAborted(signal)) void stop()
    await joined
    signal?.throwIfAborted()
    return {
      stop,
      goOn: () => channel.goOn(follower),
      get position() {
        return follower.given
      },
    }
  }

  /** Resolves when all channels have gone on over a transport. */
  use(transport: Transport): Promise<unknown> {
    return Promise.all([...this.#open.values()].map(channel => channel.use(transport)))
  }

  /** What came over the socket. */
  hear(name: string, message: Fields): void {
    const named = Array.isArray(message.channels) ? message.channels : [message.channel]
    for (const channel of named) this.#open.get(String(channel))?.hear(name, message)
  }

  /** For good. */
  async end(problem: TuttiProblem = clientClosed()): Promise<void> {
    this.#ended ??= problem
    await Promise.all([...this.#open.values()].map(channel => channel.end(problem)))
  }

  #refuseOnceEnded(): void {
    if (this.#ended !== undefined) throw this.#ended
  }

  #begin(name: string, start: Start): Promise<Channel> {
    const beginning = this.offsets.get(name).then(stored => {
      const tools = { ...this.tools, onEnd: (channel: Channel) => this.#forget(channel) }
      const channel = new Channel(name, { ...start, place: start.place ?? stored }, tools)
      this.#open.set(name, channel)
      return channel
    })
    this.#channels.set(name, beginning)
    return beginning
  }

  #forget(channel: Channel): void {
    this.#open.delete(channel.name)
    this.#channels.delete(channel.name)
  }
}

/** It may have been, at any await. */
const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true
