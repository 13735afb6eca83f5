import { setTimeout as pause } from 'node:timers/promises'
import { type Position, type StreamFrame } from '../../kernel/stream'
import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'

const heartbeatMs = 1_000
/** While Redis is away PostgreSQL is asked so often which channels have moved. */
const pollMs = 250
/** And in good times, for whatever was lost without a trace. */
const sweepMs = 10_000
const askedAtOnceMax = 500
const answerWithinMs = 1_000

export interface Doorbell extends AsyncDisposable {
  /** Resolves when what is published from now on is heard, or Redis is away, so that PostgreSQL is asked instead. */
  listen(channel: string): Promise<void>
  forget(channel: string): void
}

/** What a relay has published. */
export interface Heard extends Pick<StreamFrame, 'epoch' | 'events'> {
  /** Epoch milliseconds, by the clock of the relay. */
  sentAt: number
}

export interface Listener {
  /** The channels that are listened to. */
  channels(): readonly string[]
  hear(channel: string, frame: Heard): void
  /** The log has reached `top`; `isLate` when nobody will tell us of what lies between. */
  reached(channel: string, top: Position, isLate: boolean): void
}

/** Hears what is published of the channels, and makes up for a Redis that is away, frozen, or forgets to tell. */
export function listenToRedis(world: World, listener: Listener): Doorbell {
  return new RedisDoorbell(world, listener)
}

class RedisDoorbell implements Doorbell {
  private readonly closing = new AbortController()
  private readonly ended: Promise<unknown>
  private readonly topicStart: string
  private isHealthy = true

  constructor(
    private readonly world: World,
    private readonly listener: Listener,
  ) {
    this.topicStart = world.channelCache.topic('')
    const { subscriber } = world.redis
    subscriber.on('message', this.onMessage)
    subscriber.on('ready', this.onReady)
    this.ended = Promise.all([this.watch(), this.sweep()])
  }

  async listen(channel: string): Promise<void> {
    const { subscriber } = this.world.redis
    const subscribed = subscriber.subscribe(this.world.channelCache.topic(channel))
    if (!this.isHealthy || subscriber.status !== 'ready' || !(await isInTime(subscribed))) this.isHealthy = false
    subscribed.catch(() => undefined)
  }

  forget(channel: string): void {
    this.world.redis.subscriber.unsubscribe(this.world.channelCache.topic(channel)).catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { subscriber } = this.world.redis
    this.closing.abort()
    subscriber.off('message', this.onMessage)
    subscriber.off('ready', this.onReady)
    await this.ended
  }

  private readonly onMessage = (topic: string, message: string): void => {
    if (!topic.startsWith(this.topicStart)) return
    const frame = readFrame(message)
    if (frame === undefined) this.world.log.warn({ topic }, 'a message between nodes was not understood')
    else this.listener.hear(topic.slice(this.topicStart.length), frame)
  }

  /** What was published while the connection was down was told to nobody here. */
  private readonly onReady = (): void => {
    void this.untilSubscribed().then(() => this.askPostgres(true))
  }

  /** Redis may be frozen behind a connection that looks well: it is asked, with a short time limit. */
  private async watch(): Promise<void> {
    while (!this.closing.signal.aborted) {
      const wasHealthy = this.isHealthy
      this.isHealthy = this.world.redis.subscriber.status === 'ready' && (await this.answers())
      this.world.metrics.degraded.set(this.isHealthy ? 0 : 1)
      if (this.isHealthy && !wasHealthy) await this.untilSubscribed()
      if (!this.isHealthy || !wasHealthy) await this.askPostgres(true)
      await this.rest(this.isHealthy ? heartbeatMs : pollMs)
    }
  }

  /** A ping is answered after all that was asked before it: the subscriptions too, and those that the client renews. */
  private untilSubscribed(): Promise<boolean> {
    return isInTime(this.world.redis.subscriber.ping())
  }

  private async sweep(): Promise<void> {
    while (!this.closing.signal.aborted) {
      await this.rest(sweepMs)
      await this.askPostgres(false)
    }
  }

  private answers(): Promise<boolean> {
    return this.world.redis.ping().then(
      () => true,
      () => false,
    )
  }

  /** Never rejects: it is asked again soon. */
  private async askPostgres(isLate: boolean): Promise<void> {
    const { channels: log, log: diary } = this.world
    const channels = this.listener.channels()
    try {
      for (let at = 0; at < channels.length && !this.closing.signal.aborted; at += askedAtOnceMax) {
        const epoch = await log.epoch()
        const tops = await log.tops(channels.slice(at, at + askedAtOnceMax))
        for (const [channel, offset] of tops) this.listener.reached(channel, { epoch, offset }, isLate)
      }
    } catch (error) {
      diary.warn(describeError(error), 'the tops of channels could not be read')
    }
  }

  private rest(ms: number): Promise<unknown> {
    return pause(ms, undefined, { signal: this.closing.signal }).catch(() => undefined)
  }
}

/** Whether it is done, and before long. */
function isInTime(answer: Promise<unknown>): Promise<boolean> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(false), answerWithinMs)
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

/** Unless somebody else wrote it. */
function readFrame(message: string): Heard | undefined {
  try {
    const frame: unknown = JSON.parse(message)
    return isFrame(frame) ? frame : undefined
  } catch {
    return undefined
  }
}

const isFrame = (frame: unknown): frame is Heard =>
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
