import { setTimeout as pause } from 'node:timers/promises'
import { type Server, type Socket } from 'socket.io'
import { type StateFrame, type ChannelState } from '../../kernel/events/frames'
import { counterWindowMs } from '../../kernel/events/counter'
import { parseChannelState } from '../../kernel/events/state-cache'
import { openTopics, type TopicSubscription } from '../../kernel/platform/open-topics'
import { type AppContext } from '../../kernel/platform/app-context'
import { slowRoom } from '../connection/slow-followers'
import { type StateValue, type StateStore } from './state-store'

type Listener = (frame: StateFrame) => void

interface FollowedChannel {
  values: ChannelState
  /** Keys of the values that are not published to followers yet. */
  unpublished: Set<string>
  /** Pending after a frame; the next frame is sent when it ends. */
  window: NodeJS.Timeout | undefined
  listeners: Set<Listener>
  isInRoom: boolean
  /** The first read; undefined after a failure, so that the next caller retries. */
  loaded: Promise<void> | undefined
  /** When PostgreSQL was last read, in epoch milliseconds. */
  sureAt: number
}

const subscribeTimeoutMs = 1_000

/**
 * The current counter values of the channels followed on this node. Listens to the room events of the Socket.IO adapter, so that no
 * other code has to report follows, and subscribes to Redis for these channels only.
 */
export class FollowedState implements Disposable {
  private readonly channels = new Map<string, FollowedChannel>()
  private readonly topics: TopicSubscription
  private readonly rooms: ReturnType<Server['of']>['adapter']

  constructor(
    private readonly app: AppContext,
    private readonly io: Server,
    private readonly values: StateStore,
  ) {
    this.topics = openTopics(app.redis, app.stateCache.topic(''), this.onMessage)
    this.rooms = io.of('/').adapter
    this.rooms.on('create-room', this.onRoomCreated)
    this.rooms.on('delete-room', this.onRoomDeleted)
  }

  [Symbol.dispose](): void {
    this.rooms.off('create-room', this.onRoomCreated)
    this.rooms.off('delete-room', this.onRoomDeleted)
    this.topics[Symbol.dispose]()
    for (const { window } of this.channels.values()) clearTimeout(window)
    this.channels.clear()
  }

  async readState(channel: string): Promise<ChannelState> {
    const entry = this.channels.get(channel)
    if (entry === undefined) return (await this.values.read(channel)).state
    await this.loaded(channel, entry)
    return { ...entry.values }
  }

  listen(channel: string, listener: Listener): () => void {
    if (this.values.typesOf(channel).length === 0) return () => undefined
    const entry = this.begin(channel)
    entry.listeners.add(listener)
    return () => {
      entry.listeners.delete(listener)
      this.endIfUnused(channel, entry)
    }
  }

  resend(socket: Socket): void {
    for (const channel of socket.rooms) {
      const values = this.channels.get(channel)?.values ?? {}
      if (Object.keys(values).length > 0) socket.emit('state', { channel, values } satisfies StateFrame)
    }
  }

  /** Takes a value; returns whether it is newer than the known one. Published at once, or at the end of the window. */
  receive(channel: string, key: string, value: StateValue): boolean {
    const entry = this.channels.get(channel)
    if (entry === undefined || !isNewer(value, entry.values[key])) return false
    entry.values[key] = value
    entry.unpublished.add(key)
    if (entry.window === undefined) this.publish(channel, entry)
    return true
  }

  /** Channels not read from PostgreSQL since `then`, the longest ago first. */
  notReadSince(then: number, max: number): string[] {
    return [...this.channels]
      .filter(([, { sureAt }]) => sureAt <= then)
      .sort(([, one], [, other]) => one.sureAt - other.sureAt)
      .slice(0, max)
      .map(([channel]) => channel)
  }

  markRead(channels: readonly string[]): void {
    for (const channel of channels) this.setSureAt(channel, this.app.clock.now())
  }

  /** Marks all values as possibly outdated. */
  markAllStale(): void {
    for (const channel of this.channels.keys()) this.setSureAt(channel, -Infinity)
  }

  private setSureAt(channel: string, sureAt: number): void {
    const entry = this.channels.get(channel)
    if (entry !== undefined) entry.sureAt = sureAt
  }

  private publish(channel: string, entry: FollowedChannel): void {
    const values = Object.fromEntries(Object.entries(entry.values).filter(([key]) => entry.unpublished.has(key)))
    entry.unpublished.clear()
    const frame: StateFrame = { channel, values }
    if (entry.isInRoom) this.io.local.to(channel).except(slowRoom).emit('state', frame)
    for (const listener of entry.listeners) listener(frame)
    this.app.metrics.stateFrames.inc()
    entry.window = setTimeout(() => {
      entry.window = undefined
      if (entry.unpublished.size > 0) this.publish(channel, entry)
    }, counterWindowMs)
  }

  private readonly onRoomCreated = (room: string): void => {
    if (this.values.typesOf(room).length > 0) this.begin(room).isInRoom = true
  }

  private readonly onRoomDeleted = (room: string): void => {
    const entry = this.channels.get(room)
    if (entry === undefined) return
    entry.isInRoom = false
    this.endIfUnused(room, entry)
  }

  private readonly onMessage = (channel: string, message: string): void => {
    for (const [key, value] of Object.entries(parseChannelState(message))) this.receive(channel, key, value)
  }

  private begin(channel: string): FollowedChannel {
    const known = this.channels.get(channel)
    if (known !== undefined) return known
    const entry: FollowedChannel = {
      ...{ values: {}, unpublished: new Set(), window: undefined, listeners: new Set(), isInRoom: false },
      ...{ loaded: undefined, sureAt: -Infinity },
    }
    this.channels.set(channel, entry)
    // `readState` reports a failure to its caller; the periodic check loads the values for the others.
    this.loaded(channel, entry).catch(() => undefined)
    return entry
  }

  private loaded(channel: string, entry: FollowedChannel): Promise<void> {
    entry.loaded ??= this.load(channel, entry).catch((error: unknown) => {
      entry.loaded = undefined
      throw error
    })
    return entry.loaded
  }

  /** Subscribes before reading, so that no value is missed. */
  private async load(channel: string, entry: FollowedChannel): Promise<void> {
    const subscribed = this.topics.subscribe([channel]).catch(() => undefined)
    const settled = new AbortController()
    const timeout = pause(subscribeTimeoutMs, undefined, { signal: settled.signal }).catch(() => undefined)
    if (this.app.redis.subscriber.status === 'ready') await Promise.race([subscribed, timeout])
    settled.abort()
    const { state, isSure } = await this.values.read(channel)
    for (const [key, value] of Object.entries(state)) if (isNewer(value, entry.values[key])) entry.values[key] = value
    if (isSure) entry.sureAt = this.app.clock.now()
  }

  private endIfUnused(channel: string, entry: FollowedChannel): void {
    if (entry.isInRoom || entry.listeners.size > 0 || this.channels.get(channel) !== entry) return
    clearTimeout(entry.window)
    this.channels.delete(channel)
    this.topics.unsubscribe(channel)
  }
}

const isNewer = (value: StateValue, known: StateValue | undefined): boolean =>
  known === undefined || value.rev > known.rev
