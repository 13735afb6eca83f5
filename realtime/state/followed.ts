import { setTimeout as pause } from 'node:timers/promises'
import { type Server, type Socket } from 'socket.io'
import { type StateFrame, type StreamState } from '../../kernel/stream'
import { tallyWindowMs } from '../../kernel/tally'
import { readState } from '../../kernel/world/state-cache'
import { type World } from '../../kernel/world'
import { slowRoom } from '../slow'
import { type StateValue, type Values } from './values'

type Listener = (frame: StateFrame) => void

interface Live {
  values: StreamState
  /** What was heard and is not told yet, by key. */
  untold: Set<string>
  /** Runs after a frame: until it ends there is no other. */
  window: NodeJS.Timeout | undefined
  listeners: Set<Listener>
  isInRoom: boolean
  /** Undefined when it failed: whoever asks next tries again. */
  loaded: Promise<void> | undefined
  /** When PostgreSQL was last asked, epoch milliseconds. */
  sureAt: number
}

const subscribeWithinMs = 1_000

/**
 * The newest values of the channels that somebody follows on this node. It looks at the rooms themselves, so that whoever
 * joins or leaves has nothing to remember, and hears from Redis of those channels alone.
 */
export class Followed implements Disposable {
  private readonly live = new Map<string, Live>()
  private readonly topicStart: string
  private readonly rooms: ReturnType<Server['of']>['adapter']

  constructor(
    private readonly world: World,
    private readonly io: Server,
    private readonly values: Values,
  ) {
    this.topicStart = world.stateCache.topic('')
    this.rooms = io.of('/').adapter
    this.rooms.on('create-room', this.onRoom)
    this.rooms.on('delete-room', this.onRoomGone)
    world.redis.subscriber.on('message', this.onMessage)
  }

  [Symbol.dispose](): void {
    this.rooms.off('create-room', this.onRoom)
    this.rooms.off('delete-room', this.onRoomGone)
    this.world.redis.subscriber.off('message', this.onMessage)
    for (const { window } of this.live.values()) clearTimeout(window)
    this.live.clear()
  }

  async stateOf(channel: string): Promise<StreamState> {
    const live = this.live.get(channel)
    if (live === undefined) return (await this.values.read(channel)).state
    await this.loaded(channel, live)
    return { ...live.values }
  }

  listen(channel: string, listener: Listener): () => void {
    if (this.values.typesOf(channel).length === 0) return () => undefined
    const live = this.begin(channel)
    live.listeners.add(listener)
    return () => {
      live.listeners.delete(listener)
      this.endIfUnheard(channel, live)
    }
  }

  remind(socket: Socket): void {
    for (const channel of socket.rooms) {
      const values = this.live.get(channel)?.values ?? {}
      if (Object.keys(values).length > 0) socket.emit('state', { channel, values } satisfies StateFrame)
    }
  }

  /** A value that may be newer than what is known; says whether it is. Told at once, or when the window ends. */
  hear(channel: string, key: string, value: StateValue): boolean {
    const live = this.live.get(channel)
    if (live === undefined || !isNewer(value, live.values[key])) return false
    live.values[key] = value
    live.untold.add(key)
    if (live.window === undefined) this.tell(channel, live)
    return true
  }

  /** Those channels that PostgreSQL was not asked about since then, the longest first. */
  unsureSince(then: number, max: number): string[] {
    return [...this.live]
      .filter(([, { sureAt }]) => sureAt <= then)
      .sort(([, one], [, other]) => one.sureAt - other.sureAt)
      .slice(0, max)
      .map(([channel]) => channel)
  }

  sure(channels: readonly string[]): void {
    for (const channel of channels) this.made(channel, this.world.clock.now())
  }

  /** Nothing that was told is believed to be the newest. */
  doubtAll(): void {
    for (const channel of this.live.keys()) this.made(channel, -Infinity)
  }

  private made(channel: string, sureAt: number): void {
    const live = this.live.get(channel)
    if (live !== undefined) live.sureAt = sureAt
  }

  private tell(channel: string, live: Live): void {
    const values = Object.fromEntries(Object.entries(live.values).filter(([key]) => live.untold.has(key)))
    live.untold.clear()
    const frame: StateFrame = { channel, values }
    if (live.isInRoom) this.io.local.to(channel).except(slowRoom).emit('state', frame)
    for (const listener of live.listeners) listener(frame)
    this.world.metrics.stateFrames.inc()
    live.window = setTimeout(() => {
      live.window = undefined
      if (live.untold.size > 0) this.tell(channel, live)
    }, tallyWindowMs)
  }

  private readonly onRoom = (room: string): void => {
    if (this.values.typesOf(room).length > 0) this.begin(room).isInRoom = true
  }

  private readonly onRoomGone = (room: string): void => {
    const live = this.live.get(room)
    if (live === undefined) return
    live.isInRoom = false
    this.endIfUnheard(room, live)
  }

  private readonly onMessage = (topic: string, message: string): void => {
    if (!topic.startsWith(this.topicStart)) return
    const channel = topic.slice(this.topicStart.length)
    for (const [key, value] of Object.entries(readState(message))) this.hear(channel, key, value)
  }

  private begin(channel: string): Live {
    const known = this.live.get(channel)
    if (known !== undefined) return known
    const live: Live = {
      ...{ values: {}, untold: new Set(), window: undefined, listeners: new Set(), isInRoom: false },
      ...{ loaded: undefined, sureAt: -Infinity },
    }
    this.live.set(channel, live)
    // Whoever asks for the state is told of a failure; the others get it when PostgreSQL is asked again.
    this.loaded(channel, live).catch(() => undefined)
    return live
  }

  private loaded(channel: string, live: Live): Promise<void> {
    live.loaded ??= this.load(channel, live).catch((error: unknown) => {
      live.loaded = undefined
      throw error
    })
    return live.loaded
  }

  /** Hears first and reads then, so that nothing falls between the two. */
  private async load(channel: string, live: Live): Promise<void> {
    const { subscriber } = this.world.redis
    const subscribed = subscriber.subscribe(this.topicStart + channel).catch(() => undefined)
    const late = new AbortController()
    const waited = pause(subscribeWithinMs, undefined, { signal: late.signal }).catch(() => undefined)
    if (subscriber.status === 'ready') await Promise.race([subscribed, waited])
    late.abort()
    const { state, isSure } = await this.values.read(channel)
    for (const [key, value] of Object.entries(state)) if (isNewer(value, live.values[key])) live.values[key] = value
    if (isSure) live.sureAt = this.world.clock.now()
  }

  private endIfUnheard(channel: string, live: Live): void {
    if (live.isInRoom || live.listeners.size > 0 || this.live.get(channel) !== live) return
    clearTimeout(live.window)
    this.live.delete(channel)
    this.world.redis.subscriber.unsubscribe(this.topicStart + channel).catch(() => undefined)
  }
}

const isNewer = (value: StateValue, known: StateValue | undefined): boolean =>
  known === undefined || value.rev > known.rev
