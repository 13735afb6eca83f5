import { type Position, type StreamFrame } from '../../kernel/stream'
import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'
import { type Caught, catchUpFrom, caughtBytesMax } from './catch-up'
import { type Doorbell, type Heard, listenToRedis } from './doorbell'
import { type LogReader, readLog } from './read-log'
import { Tracker } from './tracker'

/** Time that Redis needs to deliver a committed event; after that it counts as lost. */
const transitMs = 500

export interface Hold {
  release(): void
}

export interface Hub extends AsyncDisposable {
  /** Subscribes this node to a channel until released; resolves when no later event can be missed. */
  hold(channel: string): Promise<Hold>
  /** Reads the events after a position, up to `bytesMax`, from memory, Redis or PostgreSQL. @throws unless subscribed */
  catchUp(channel: string, after?: Position, bytesMax?: number): Promise<Caught>
  /** Listens to the frames of a subscribed channel, in order. Returns a function that stops it. @throws unless subscribed */
  listen(channel: string, listener: (frame: StreamFrame) => void): () => void
}

/** Receives the ordered frames of the hub. */
export interface Outlet {
  deliver(frame: StreamFrame): void
  /** The channel has a new epoch, or the log no longer has the next event: followers must take a snapshot. */
  restarted(channel: string): void
}

type FrameListener = (frame: StreamFrame) => void

/** A subscribed channel. Most are idle and a node has many, so buffers are created on first use. */
class SubscribedChannel {
  subscriberCount = 0
  /** Pending until the position is known. */
  positioning: Promise<void> | undefined
  catchingUp: Promise<void> | undefined
  listeners: Set<FrameListener> | undefined
  /** Frames received while the position is being read; they may be before or after it. */
  earlyFrames: Heard[] | undefined
  /** Events to deliver at the end of this tick, in one frame. */
  outbox: StreamFrame['events'] = noEvents
  /** When the oldest event in the outbox arrived. */
  receivedAt = 0

  constructor(readonly tracker: Tracker) {}
}

const noEvents: StreamFrame['events'] = []

class HubSubscription implements Hold {
  private channel: SubscribedChannel | undefined

  constructor(
    channel: SubscribedChannel,
    private readonly end: (channel: SubscribedChannel) => void,
  ) {
    this.channel = channel
  }

  release(): void {
    const { channel } = this
    this.channel = undefined
    if (channel !== undefined) this.end(channel)
  }
}

/**
 * Delivers the events of all channels that are followed on this node, each once and in the order of the log. Redis pub/sub brings the
 * events, also those of this node. A lost event shows as a gap in the offsets, or when the top offsets in PostgreSQL are compared; it
 * is then read from the copy in Redis or from PostgreSQL. While Redis is down PostgreSQL is polled.
 */
export function openHub(world: World, outlet: Outlet): Hub {
  return new NodeHub(world, outlet)
}

class NodeHub implements Hub {
  private readonly subscribed = new Map<string, SubscribedChannel>()
  private readonly withOutbox = new Set<SubscribedChannel>()
  private readonly redis: Doorbell
  private readonly log: LogReader

  constructor(
    private readonly world: World,
    private readonly outlet: Outlet,
  ) {
    this.log = readLog(world)
    this.redis = listenToRedis(world, {
      channels: () => [...this.subscribed.keys()],
      hear: (channel, frame) => this.receive(channel, frame),
      reached: (channel, top, isLate) => this.compare(channel, top, isLate),
    })
  }

  async hold(channel: string): Promise<Hold> {
    const entry = this.subscribed.get(channel) ?? this.createEntry(channel)
    entry.subscriberCount += 1
    try {
      await entry.positioning
      return new HubSubscription(entry, this.release)
    } catch (error) {
      this.release(entry)
      throw error
    }
  }

  async catchUp(channel: string, after?: Position, bytesMax = caughtBytesMax): Promise<Caught> {
    const { tracker } = this.subscribedTo(channel)
    if (after !== undefined) return catchUpFrom(this.world, this.log, tracker, after, bytesMax)
    return { channel, epoch: tracker.epoch, top: tracker.last, events: [], recovered: false, more: false }
  }

  listen(channel: string, listener: FrameListener): () => void {
    const entry = this.subscribedTo(channel)
    entry.listeners ??= new Set()
    entry.listeners.add(listener)
    return () => void entry.listeners?.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.redis[Symbol.asyncDispose]()
    this.subscribed.clear()
  }

  private subscribedTo(channel: string): SubscribedChannel {
    const entry = this.subscribed.get(channel)
    if (entry === undefined) throw new Error(`not subscribed to ${channel}`)
    return entry
  }

  private createEntry(channel: string): SubscribedChannel {
    const entry = new SubscribedChannel(new Tracker(channel))
    this.subscribed.set(channel, entry)
    this.world.metrics.channelsHeld.set(this.subscribed.size)
    entry.positioning = this.findPosition(entry)
    return entry
  }

  /** Subscribes before reading the position, so that no event is missed; duplicates are dropped by their offset. */
  private async findPosition(entry: SubscribedChannel): Promise<void> {
    const { channel } = entry.tracker
    await this.redis.listen(channel)
    entry.tracker.place(await this.log.position(channel))
    entry.positioning = undefined
    for (const frame of entry.earlyFrames ?? []) this.accept(entry, frame)
    entry.earlyFrames = undefined
  }

  private readonly release = (entry: SubscribedChannel): void => {
    const { channel } = entry.tracker
    entry.subscriberCount -= 1
    if (entry.subscriberCount > 0 || this.subscribed.get(channel) !== entry) return
    this.subscribed.delete(channel)
    this.redis.forget(channel)
    this.world.metrics.channelsHeld.set(this.subscribed.size)
  }

  private receive(channel: string, frame: Heard): void {
    this.world.metrics.nodeLag.observe(Math.max(this.world.clock.now() - frame.sentAt, 0) / 1_000)
    const entry = this.subscribed.get(channel)
    if (entry?.tracker.isPlaced === false) (entry.earlyFrames ??= []).push(frame)
    else if (entry !== undefined) this.accept(entry, frame)
  }

  private accept(entry: SubscribedChannel, frame: Heard): void {
    const seen = entry.tracker.see(frame)
    if (seen === 'repeated') return
    if (typeof seen === 'object') {
      this.send(entry, seen.fresh)
      return
    }
    this.world.metrics.gaps.inc({ where: 'hub' })
    this.catchUpOnce(entry)
  }

  /** Compares the top offset in PostgreSQL; unless `isLate`, gives events in transit `transitMs` to arrive. */
  private compare(channel: string, top: Position, isLate: boolean): void {
    const isBehind = (entry: SubscribedChannel | undefined): entry is SubscribedChannel =>
      entry?.tracker.isPlaced === true && (top.offset > entry.tracker.last || top.epoch !== entry.tracker.epoch)
    if (!isBehind(this.subscribed.get(channel))) return
    const readMissing = () => {
      const entry = this.subscribed.get(channel)
      if (isBehind(entry)) this.catchUpOnce(entry)
    }
    if (isLate) readMissing()
    else setTimeout(readMissing, transitMs).unref()
  }

  /** Runs one catch-up at a time per channel; gaps found meanwhile join it. */
  private catchUpOnce(entry: SubscribedChannel): void {
    const { channel } = entry.tracker
    const onFailure = (error: unknown) => {
      this.world.log.warn({ channel, ...describeError(error) }, 'could not fill a gap, will retry')
    }
    entry.catchingUp ??= this.readMissing(entry)
      .catch(onFailure)
      .finally(() => (entry.catchingUp = undefined))
  }

  private async readMissing(entry: SubscribedChannel): Promise<void> {
    const { tracker } = entry
    for (;;) {
      const { epoch, last: offset } = tracker
      const part = await this.log.after(tracker.channel, { epoch, offset }, offset + 1)
      if (part.events === undefined) {
        this.restart(entry, part)
        return
      }
      const seen = tracker.see({ epoch, events: part.events })
      if (typeof seen === 'object') this.send(entry, seen.fresh)
      if (tracker.last >= part.top || part.events.length === 0) return
    }
  }

  private restart(entry: SubscribedChannel, { epoch, top }: { epoch: string; top: number }): void {
    const { tracker } = entry
    this.world.log.warn({ channel: tracker.channel, epoch, top }, 'channel restarted at a new position')
    tracker.place({ epoch, offset: top })
    entry.outbox = noEvents
    this.outlet.restarted(tracker.channel)
  }

  private send(entry: SubscribedChannel, events: StreamFrame['events']): void {
    if (entry.outbox.length === 0) entry.receivedAt = this.world.clock.now()
    entry.outbox = [...entry.outbox, ...events]
    if (this.withOutbox.size === 0) setImmediate(this.flush)
    this.withOutbox.add(entry)
  }

  /** Sends all events of a tick for a channel in one frame. */
  private readonly flush = (): void => {
    const entries = [...this.withOutbox]
    this.withOutbox.clear()
    for (const entry of entries) {
      if (entry.outbox.length === 0) continue
      const frame: StreamFrame = { channel: entry.tracker.channel, epoch: entry.tracker.epoch, events: entry.outbox }
      entry.outbox = noEvents
      this.outlet.deliver(frame)
      for (const listener of entry.listeners ?? []) listener(frame)
      this.world.metrics.socketLag.observe(Math.max(this.world.clock.now() - entry.receivedAt, 0) / 1_000)
    }
  }
}
