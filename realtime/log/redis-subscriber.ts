import { setTimeout as pause } from 'node:timers/promises'
import { type EventFrame } from '../../kernel/events/frames'
import { type Position } from '../../kernel/events/position'
import { gatherMany } from '../../kernel/platform/batch-loader'
import { describeError } from '../../kernel/platform/log'
import { openTopics, type TopicSubscription } from '../../kernel/platform/open-topics'
import { type AppContext } from '../../kernel/platform/app-context'

const heartbeatMs = 1_000
/** Interval of reading the top offsets of channels from PostgreSQL while Redis is down. */
const pollMs = 250
/** The same while Redis is up, because Redis can lose a message without an error. */
const sweepMs = 10_000
const channelsPerPollMax = 500
const answerTimeoutMs = 1_000

export interface RedisSubscriber extends AsyncDisposable {
  /** Resolves when the subscription is active, or when Redis is down and PostgreSQL is polled instead. */
  subscribe(channel: string): Promise<void>
  unsubscribe(channel: string): void
}

/** A frame that a relay has published. */
export interface PublishedFrame extends Pick<EventFrame, 'epoch' | 'events'> {
  /** Epoch milliseconds, by the clock of the relay. */
  sentAt: number
}

export interface RedisSubscriberListener {
  /** The subscribed channels. */
  channels(): readonly string[]
  onFrame(channel: string, frame: PublishedFrame): void
  /** Reports the top offset in PostgreSQL; `isLate` when Redis will not deliver the events up to it. */
  onTop(channel: string, top: Position, isLate: boolean): void
}

/** Receives published frames from Redis; polls PostgreSQL while Redis is down, frozen, or in case it lost a message. */
export function createRedisSubscriber(app: AppContext, listener: RedisSubscriberListener): RedisSubscriber {
  return new PollingRedisSubscriber(app, listener)
}

class PollingRedisSubscriber implements RedisSubscriber {
  private readonly closing = new AbortController()
  private readonly loops: Promise<unknown>
  private readonly topics: TopicSubscription
  private isHealthy = true
  /** Channels to subscribe to at the end of this tick. */
  private readonly pending = new Set<string>()
  private readonly subscribeBatched = gatherMany(() => this.subscribePending())

  constructor(
    private readonly app: AppContext,
    private readonly listener: RedisSubscriberListener,
  ) {
    this.topics = openTopics(app.redis, app.channelCache.topic(''), this.onMessage)
    app.redis.subscriber.on('ready', this.onReady)
    this.loops = Promise.all([this.watch(), this.sweep()])
  }

  async subscribe(channel: string): Promise<void> {
    this.pending.add(channel)
    await this.subscribeBatched([])
  }

  unsubscribe(channel: string): void {
    if (this.pending.delete(channel)) return
    this.topics.unsubscribe(channel)
  }

  /** Subscribes to all pending channels with one Redis command. */
  private async subscribePending(): Promise<void> {
    const channels = [...this.pending]
    this.pending.clear()
    if (channels.length === 0) return
    const subscribed = this.topics.subscribe(channels)
    const { subscriber } = this.app.redis
    if (!this.isHealthy || subscriber.status !== 'ready' || !(await isInTime(subscribed))) this.isHealthy = false
    subscribed.catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort()
    this.topics[Symbol.dispose]()
    this.app.redis.subscriber.off('ready', this.onReady)
    await this.loops
  }

  private readonly onMessage = (channel: string, message: string): void => {
    const frame = readFrame(message)
    if (frame === undefined) this.app.log.warn({ channel }, 'invalid message from another node')
    else this.listener.onFrame(channel, frame)
  }

  /** Redis does not repeat what it published while the connection was down. */
  private readonly onReady = (): void => {
    void this.waitForSubscriptions().then(() => this.pollPostgres(true))
  }

  /** Pings Redis with a short timeout: it may be frozen behind a healthy connection. */
  private async watch(): Promise<void> {
    while (!this.closing.signal.aborted) {
      const wasHealthy = this.isHealthy
      this.isHealthy = this.app.redis.subscriber.status === 'ready' && (await this.app.redis.isUp())
      this.app.metrics.hubDegraded.set(this.isHealthy ? 0 : 1)
      if (this.isHealthy && !wasHealthy) await this.waitForSubscriptions()
      if (!this.isHealthy || !wasHealthy) await this.pollPostgres(true)
      await this.sleep(this.isHealthy ? heartbeatMs : pollMs)
    }
  }

  /** Redis answers in order: after the ping all earlier subscriptions are active, including those that ioredis renews. */
  private waitForSubscriptions(): Promise<boolean> {
    return isInTime(this.app.redis.subscriber.ping())
  }

  private async sweep(): Promise<void> {
    while (!this.closing.signal.aborted) {
      await this.sleep(sweepMs)
      await this.pollPostgres(false)
    }
  }

  /** Never rejects: the next poll retries. */
  private async pollPostgres(isLate: boolean): Promise<void> {
    const { channelLog, log } = this.app
    const channels = this.listener.channels()
    try {
      for (let at = 0; at < channels.length && !this.closing.signal.aborted; at += channelsPerPollMax) {
        const epoch = await channelLog.epoch()
        const tops = await channelLog.latestOffsets(channels.slice(at, at + channelsPerPollMax))
        for (const [channel, offset] of tops) this.listener.onTop(channel, { epoch, offset }, isLate)
      }
    } catch (error) {
      log.warn(describeError(error), 'could not read channel offsets')
    }
  }

  private sleep(ms: number): Promise<unknown> {
    return pause(ms, undefined, { signal: this.closing.signal }).catch(() => undefined)
  }
}

/** Whether the promise resolves within `answerTimeoutMs`. */
function isInTime(answer: Promise<unknown>): Promise<boolean> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(false), answerTimeoutMs)
    const settle = (isDone: boolean) => {
      clearTimeout(timer)
      resolve(isDone)
    }
    answer.then(
      () => settle(true),
      () => settle(false),
    )
  })
}

/** Returns undefined for a message that is not a frame. */
function readFrame(message: string): PublishedFrame | undefined {
  try {
    const frame: unknown = JSON.parse(message)
    return isFrame(frame) ? frame : undefined
  } catch {
    return undefined
  }
}

const isFrame = (frame: unknown): frame is PublishedFrame =>
  typeof frame === 'object' &&
  frame !== null &&
  'epoch' in frame &&
  typeof frame.epoch === 'string' &&
  'sentAt' in frame &&
  typeof frame.sentAt === 'number' &&
  'events' in frame &&
  Array.isArray(frame.events) &&
  frame.events.every(
    (event: unknown) =>
      typeof event === 'object' && event !== null && 'offset' in event && typeof event.offset === 'number',
  )
