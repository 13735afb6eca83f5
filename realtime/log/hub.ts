import { type Position, type StreamFrame } from '../../kernel/stream'
import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'
import { type Caught, catchUpFrom, caughtBytesMax } from './catch-up'
import { type Doorbell, type Heard, listenToRedis } from './doorbell'
import { type LogReader, readLog } from './read-log'
import { Tracker } from './tracker'

/** An event that PostgreSQL knows of reaches us within this, unless it is lost. */
const onItsWayMs = 500

export interface Hold {
  release(): void
}

export interface Hub extends AsyncDisposable {
  /** Keeps a channel live on this node until released; resolves when nothing of it can be missed any more. */
  hold(channel: string): Promise<Hold>
  /** What is after a place, at most so many bytes: from memory, Redis or PostgreSQL. Only while the channel is held. */
  catchUp(channel: string, after?: Position, bytesMax?: number): Promise<Caught>
  /** Hears the frames of a held channel on this node, in order. Call what it answers to hear no more. */
  listen(channel: string, listener: (frame: StreamFrame) => void): () => void
}

/** Where the hub sends what it has put in order. */
export interface Outlet {
  deliver(frame: StreamFrame): void
  /** The log lost its tail, or forgot what comes next: followers must take a snapshot. */
  restarted(channel: string): void
}

type FrameListener = (frame: StreamFrame) => void

/** A channel that is held. A node may hold very many that nobody speaks on: what can be made later is. */
class Live {
  holders = 0
  /** Until it is placed. */
  placing: Promise<void> | undefined
  catching: Promise<void> | undefined
  listeners: Set<FrameListener> | undefined
  /** What came while the place was being read: it may be before it or behind. */
  early: Heard[] | undefined
  /** Delivered at the end of this tick, in one frame. */
  outbox: StreamFrame['events'] = nothing
  /** When the oldest in the outbox was heard of. */
  heardAt = 0

  constructor(readonly tracker: Tracker) {}
}

const nothing: StreamFrame['events'] = []

class Held implements Hold {
  private live: Live | undefined

  constructor(
    live: Live,
    private readonly end: (live: Live) => void,
  ) {
    this.live = live
  }

  release(): void {
    const { live } = this
    this.live = undefined
    if (live !== undefined) this.end(live)
  }
}

/**
 * What this node hears of the channels that somebody here follows. Redis brings the events; whatever it loses shows as a
 * gap, or when tops are compared, and is read again, from Redis or from PostgreSQL. While Redis is away PostgreSQL is asked.
 * So every node delivers every event of a channel once and in the order of the log, those of its own making too.
 */
export function openHub(world: World, outlet: Outlet): Hub {
  return new NodeHub(world, outlet)
}

class NodeHub implements Hub {
  private readonly live = new Map<string, Live>()
  private readonly dirty = new Set<Live>()
  private readonly doorbell: Doorbell
  private readonly log: LogReader

  constructor(
    private readonly world: World,
    private readonly outlet: Outlet,
  ) {
    this.log = readLog(world)
    this.doorbell = listenToRedis(world, {
      channels: () => [...this.live.keys()],
      hear: (channel, frame) => this.hear(channel, frame),
      reached: (channel, top, isLate) => this.compare(channel, top, isLate),
    })
  }

  async hold(channel: string): Promise<Hold> {
    const live = this.live.get(channel) ?? this.begin(channel)
    live.holders += 1
    try {
      await live.placing
      return new Held(live, this.release)
    } catch (error) {
      this.release(live)
      throw error
    }
  }

  async catchUp(channel: string, after?: Position, bytesMax = caughtBytesMax): Promise<Caught> {
    const { tracker } = this.held(channel)
    if (after !== undefined) return catchUpFrom(this.world, this.log, tracker, after, bytesMax)
    return { channel, epoch: tracker.epoch, top: tracker.last, events: [], recovered: false, more: false }
  }

  listen(channel: string, listener: FrameListener): () => void {
    const live = this.held(channel)
    live.listeners ??= new Set()
    live.listeners.add(listener)
    return () => void live.listeners?.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.doorbell[Symbol.asyncDispose]()
    this.live.clear()
  }

  private held(channel: string): Live {
    const live = this.live.get(channel)
    if (live === undefined) throw new Error(`${channel} is not held`)
    return live
  }

  private begin(channel: string): Live {
    const live = new Live(new Tracker(channel))
    this.live.set(channel, live)
    this.world.metrics.channelsHeld.set(this.live.size)
    live.placing = this.place(live)
    return live
  }

  /** Listens first and looks where the channel is after that: what comes between the two is heard twice, not never. */
  private async place(live: Live): Promise<void> {
    const { channel } = live.tracker
    await this.doorbell.listen(channel)
    live.tracker.place(await this.log.position(channel))
    live.placing = undefined
    for (const frame of live.early ?? []) this.take(live, frame)
    live.early = undefined
  }

  private readonly release = (live: Live): void => {
    const { channel } = live.tracker
    live.holders -= 1
    if (live.holders > 0 || this.live.get(channel) !== live) return
    this.live.delete(channel)
    this.doorbell.forget(channel)
    this.world.metrics.channelsHeld.set(this.live.size)
  }

  private hear(channel: string, frame: Heard): void {
    this.world.metrics.nodeLag.observe(Math.max(this.world.clock.now() - frame.sentAt, 0) / 1_000)
    const live = this.live.get(channel)
    if (live?.tracker.isPlaced === false) (live.early ??= []).push(frame)
    else if (live !== undefined) this.take(live, frame)
  }

  private take(live: Live, frame: Heard): void {
    const seen = live.tracker.see(frame)
    if (seen === 'repeated') return
    if (typeof seen === 'object') {
      this.send(live, seen.fresh)
      return
    }
    this.world.metrics.gaps.inc({ where: 'hub' })
    this.readOnAlone(live)
  }

  /** PostgreSQL says how far a channel is. What is on its way to us gets a moment to arrive. */
  private compare(channel: string, top: Position, isLate: boolean): void {
    const isBehind = (live: Live | undefined): live is Live =>
      live?.tracker.isPlaced === true && (top.offset > live.tracker.last || top.epoch !== live.tracker.epoch)
    if (!isBehind(this.live.get(channel))) return
    const readOn = () => {
      const live = this.live.get(channel)
      if (isBehind(live)) this.readOnAlone(live)
    }
    if (isLate) readOn()
    else setTimeout(readOn, onItsWayMs).unref()
  }

  /** One at a time for each channel, however many gaps are found meanwhile. */
  private readOnAlone(live: Live): void {
    const { channel } = live.tracker
    const onFailure = (error: unknown) => {
      this.world.log.warn({ channel, ...describeError(error) }, 'a gap is not filled yet')
    }
    live.catching ??= this.readOn(live)
      .catch(onFailure)
      .finally(() => (live.catching = undefined))
  }

  private async readOn(live: Live): Promise<void> {
    const { tracker } = live
    for (;;) {
      const { epoch, last: offset } = tracker
      const part = await this.log.after(tracker.channel, { epoch, offset }, offset + 1)
      if (part.events === undefined) {
        this.restart(live, part)
        return
      }
      const seen = tracker.see({ epoch, events: part.events })
      if (typeof seen === 'object') this.send(live, seen.fresh)
      if (tracker.last >= part.top || part.events.length === 0) return
    }
  }

  private restart(live: Live, { epoch, top }: { epoch: string; top: number }): void {
    const { tracker } = live
    this.world.log.warn({ channel: tracker.channel, epoch, top }, 'a channel begins anew')
    tracker.place({ epoch, offset: top })
    live.outbox = nothing
    this.outlet.restarted(tracker.channel)
  }

  private send(live: Live, events: StreamFrame['events']): void {
    if (live.outbox.length === 0) live.heardAt = this.world.clock.now()
    live.outbox = [...live.outbox, ...events]
    if (this.dirty.size === 0) setImmediate(this.flush)
    this.dirty.add(live)
  }

  /** All events of a tick for a channel travel in one frame. */
  private readonly flush = (): void => {
    const lives = [...this.dirty]
    this.dirty.clear()
    for (const live of lives) {
      if (live.outbox.length === 0) continue
      const frame: StreamFrame = { channel: live.tracker.channel, epoch: live.tracker.epoch, events: live.outbox }
      live.outbox = nothing
      this.outlet.deliver(frame)
      for (const listener of live.listeners ?? []) listener(frame)
      this.world.metrics.socketLag.observe(Math.max(this.world.clock.now() - live.heardAt, 0) / 1_000)
    }
  }
}
