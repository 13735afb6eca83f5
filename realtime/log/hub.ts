import { type EventFrame } from '../../kernel/events/frames'
import { type Position } from '../../kernel/events/position'
import { describeError } from '../../kernel/platform/log'
import { type AppContext } from '../../kernel/platform/app-context'
import { type LogCatchUp, readCatchUp, catchUpBytesMax } from './catch-up'
import { type RedisSubscriber, type PublishedFrame, createRedisSubscriber } from './redis-subscriber'
import { type LogReader, createLogReader } from './log-reader'
import { ChannelTracker } from './channel-tracker'

/** Time that Redis needs to deliver a committed event; after that it counts as lost. */
const transitMs = 500

export interface Subscription {
  release(): void
}

export interface Hub extends AsyncDisposable {
  /** Subscribes this node to a channel until released; resolves when no later event can be missed. */
  subscribe(channel: string): Promise<Subscription>
  /** Reads the events after a position, up to `bytesMax`, from memory, Redis or PostgreSQL. @throws unless subscribed */
  catchUp(channel: string, after?: Position, bytesMax?: number): Promise<LogCatchUp>
  /** Listens to the frames of a subscribed channel, in order. Returns a function that stops it. @throws unless subscribed */
  listen(channel: string, listener: (frame: EventFrame) => void): () => void
}

/** Receives the ordered frames of the hub. */
export interface EventSink {
  deliver(frame: EventFrame): void
  /** The channel has a new epoch, or the log no longer has the next event: followers must take a snapshot. */
  channelRestarted(channel: string): void
}

type FrameListener = (frame: EventFrame) => void

/** A subscribed channel. Most are idle and a node has many, so buffers are created on first use. */
class SubscribedChannel {
  subscriberCount = 0
  /** Pending until the position is known. */
  positioning: Promise<void> | undefined
  catchingUp: Promise<void> | undefined
  listeners: Set<FrameListener> | undefined
  /** Frames received while the position is being read; they may be before or after it. */
  earlyFrames: PublishedFrame[] | undefined
  /** Events to deliver at the end of this tick, in one frame. */
  outbox: EventFrame['events'] = noEvents
  /** When the oldest event in the outbox arrived. */
  receivedAt = 0

  constructor(readonly tracker: ChannelTracker) {}
}

const noEvents: EventFrame['events'] = []

class HubSubscription implements Subscription {
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
export function openHub(app: AppContext, sink: EventSink): Hub {
  return new NodeHub(app, sink)
}

class NodeHub implements Hub {
  private readonly subscribed = new Map<string, SubscribedChannel>()
  private readonly withOutbox = new Set<SubscribedChannel>()
  private readonly redis: RedisSubscriber
  private readonly log: LogReader

  constructor(
    private readonly app: AppContext,
    private readonly sink: EventSink,
  ) {
    this.log = createLogReader(app)
    this.redis = createRedisSubscriber(app, {
      channels: () => [...this.subscribed.keys()],
      onFrame: (channel, frame) => this.receive(channel, frame),
      onTop: (channel, top, isLate) => this.compare(channel, top, isLate),
    })
  }

  async subscribe(channel: string): Promise<Subscription> {
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

  async catchUp(channel: string, after?: Position, bytesMax = catchUpBytesMax): Promise<LogCatchUp> {
    const { tracker } = this.subscribedTo(channel)
    if (after !== undefined) return readCatchUp(this.app, this.log, tracker, after, bytesMax)
    return {
      channel,
      epoch: tracker.epoch,
      latestOffset: tracker.lastOffset,
      events: [],
      recovered: false,
      hasMore: false,
    }
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
    const entry = new SubscribedChannel(new ChannelTracker(channel))
    this.subscribed.set(channel, entry)
    this.app.metrics.channelsSubscribed.set(this.subscribed.size)
    entry.positioning = this.findPosition(entry)
    return entry
  }

  /** Subscribes before reading the position, so that no event is missed; duplicates are dropped by their offset. */
  private async findPosition(entry: SubscribedChannel): Promise<void> {
    const { channel } = entry.tracker
    await this.redis.subscribe(channel)
    entry.tracker.startAfter(await this.log.readPosition(channel))
    entry.positioning = undefined
    for (const frame of entry.earlyFrames ?? []) this.accept(entry, frame)
    entry.earlyFrames = undefined
  }

  private readonly release = (entry: SubscribedChannel): void => {
    const { channel } = entry.tracker
    entry.subscriberCount -= 1
    if (entry.subscriberCount > 0 || this.subscribed.get(channel) !== entry) return
    this.subscribed.delete(channel)
    this.redis.unsubscribe(channel)
    this.app.metrics.channelsSubscribed.set(this.subscribed.size)
  }

  private receive(channel: string, frame: PublishedFrame): void {
    this.app.metrics.hubLatency.observe(Math.max(this.app.clock.now() - frame.sentAt, 0) / 1_000)
    const entry = this.subscribed.get(channel)
    if (entry?.tracker.hasPosition === false) (entry.earlyFrames ??= []).push(frame)
    else if (entry !== undefined) this.accept(entry, frame)
  }

  private accept(entry: SubscribedChannel, frame: PublishedFrame): void {
    const seen = entry.tracker.accept(frame)
    if (seen === 'repeated') return
    if (typeof seen === 'object') {
      this.send(entry, seen.fresh)
      return
    }
    this.app.metrics.logGaps.inc({ component: 'hub' })
    this.catchUpOnce(entry)
  }

  /** Compares the top offset in PostgreSQL; unless `isLate`, gives events in transit `transitMs` to arrive. */
  private compare(channel: string, top: Position, isLate: boolean): void {
    const isBehind = (entry: SubscribedChannel | undefined): entry is SubscribedChannel =>
      entry?.tracker.hasPosition === true &&
      (top.offset > entry.tracker.lastOffset || top.epoch !== entry.tracker.epoch)
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
      this.app.log.warn({ channel, ...describeError(error) }, 'could not fill a gap, will retry')
    }
    entry.catchingUp ??= this.readMissing(entry)
      .catch(onFailure)
      .finally(() => (entry.catchingUp = undefined))
  }

  private async readMissing(entry: SubscribedChannel): Promise<void> {
    const { tracker } = entry
    for (;;) {
      const { epoch, lastOffset: offset } = tracker
      const part = await this.log.readAfter(tracker.channel, { epoch, offset }, offset + 1)
      if (part.events === undefined) {
        this.restart(entry, part)
        return
      }
      const seen = tracker.accept({ epoch, events: part.events })
      if (typeof seen === 'object') this.send(entry, seen.fresh)
      if (tracker.lastOffset >= part.latestOffset || part.events.length === 0) return
    }
  }

  private restart(entry: SubscribedChannel, { epoch, latestOffset }: { epoch: string; latestOffset: number }): void {
    const { tracker } = entry
    this.app.log.warn({ channel: tracker.channel, epoch, latestOffset }, 'channel restarted at a new position')
    tracker.startAfter({ epoch, offset: latestOffset })
    entry.outbox = noEvents
    this.sink.channelRestarted(tracker.channel)
  }

  private send(entry: SubscribedChannel, events: EventFrame['events']): void {
    if (entry.outbox.length === 0) entry.receivedAt = this.app.clock.now()
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
      const frame: EventFrame = { channel: entry.tracker.channel, epoch: entry.tracker.epoch, events: entry.outbox }
      entry.outbox = noEvents
      this.sink.deliver(frame)
      for (const listener of entry.listeners ?? []) listener(frame)
      this.app.metrics.deliveryLatency.observe(Math.max(this.app.clock.now() - entry.receivedAt, 0) / 1_000)
    }
  }
}
