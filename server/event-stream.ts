import { type Response } from 'express'
import { type Engine } from '../kernel/engine'
import { type Refusal, refusals } from '../kernel/refusals'
import { type Position, positionAsText, type StateFrame, type StreamFrame, type StreamState } from '../kernel/stream'
import { type Stream, type StreamEar, type Streams, type StreamWish } from '../kernel/streams'

export interface StreamLimits {
  pingEveryMs: number
  /** So long nothing of what is written may leave: then the stream ends, and the client goes on from its last place. */
  stalledMs: number
}

export const usualStreamLimits: StreamLimits = { pingEveryMs: 15_000, stalledMs: 15_000 }
/** After so long a client that lost the stream comes again, unless it knows better. */
const retryMs = 1_000
/** What a page is cut into: who reads slowly gets on with every frame that arrives whole. */
const frameEventsMax = 50

/**
 * Writes a channel to the response as server-sent events until it ends; resolves with the reason: `left` by the client,
 * `slow`, `behind` what the log keeps, `moving`, `failed`, or the code of a refusal.
 * @throws what opening it throws, with nothing written yet.
 */
export async function streamEvents(
  { engine, streams, limits }: { engine: Engine; streams: Streams; limits: StreamLimits },
  wish: StreamWish,
  response: Response,
): Promise<string> {
  const writer = new EventStream(response, engine, wish, limits)
  const stream = await streams.open(wish, writer)
  try {
    return await writer.follow(stream)
  } finally {
    stream.close()
  }
}

/**
 * Writes only what follows the last place written. While the response does not drain, or the log is being read, live
 * frames are let go and read from the log afterwards, so that never more than a page waits here.
 */
class EventStream implements StreamEar {
  private readonly ended: Promise<string>
  private end: (reason: string) => void = () => undefined
  private isOver = false
  private refusal: Refusal | undefined
  private stream: Stream | undefined
  /** The last place written. */
  private place: Position = { epoch: '', offset: 0 }
  /** The newest place heard of. */
  private newest: Position = this.place
  private isReading = false
  private stalled: NodeJS.Timeout | undefined
  private unsaid: StreamState | undefined

  constructor(
    private readonly response: Response,
    private readonly engine: Engine,
    private readonly wish: StreamWish,
    private readonly limits: StreamLimits,
  ) {
    this.ended = new Promise(resolve => {
      this.end = reason => {
        this.isOver = true
        resolve(reason)
      }
    })
    response.once('close', () => this.end('left'))
    // A connection that breaks under a write is a client that left.
    response.on('error', () => this.end('left'))
    response.on('drain', this.onDrain)
  }

  /** @throws the refusal when it was closed before it began. */
  async follow(stream: Stream): Promise<string> {
    if (this.refusal !== undefined) throw this.refusal
    const ping = setInterval(this.ping, this.limits.pingEveryMs)
    if (!this.isOver) this.begin(stream)
    const reason = await this.ended
    clearInterval(ping)
    clearTimeout(this.stalled)
    // Whoever does not read would never see the end.
    if (reason === 'slow') this.response.destroy()
    else this.response.end()
    return reason
  }

  onFrame(frame: StreamFrame): void {
    const [first, last] = [frame.events[0], frame.events.at(-1)]
    if (first === undefined || last === undefined || this.isOver) return
    this.hearOf({ epoch: frame.epoch, offset: last.offset })
    const continues = frame.epoch === this.place.epoch && first.offset === this.place.offset + 1
    if (continues && !this.isReading && this.stalled === undefined) this.say(frame)
    else void this.readOn()
  }

  onState({ values }: StateFrame): void {
    this.unsaid = { ...this.unsaid, ...values }
    this.sayState()
  }

  onClosed(refusal: Refusal): void {
    const { channel, requestId } = this.wish
    this.leave(refusal.kind.code, refusal, 'closed', { channel, problem: refusal.toProblem(requestId) })
  }

  onRestarted(): void {
    if (this.stream !== undefined) this.end('behind')
  }

  onMoving(): void {
    const refusal = refusals.moving(undefined, { retryAfter: 1 })
    this.leave('moving', refusal, 'moving', { channel: this.wish.channel })
  }

  private leave(reason: string, refusal: Refusal, event: string, data: object): void {
    if (this.isOver) return
    if (this.stream === undefined) this.refusal = refusal
    else this.write(event, JSON.stringify(data))
    this.end(reason)
  }

  private begin(stream: Stream): void {
    const { first } = stream
    const { after } = this.wish
    this.stream = stream
    this.place = first.recovered && after !== undefined ? after : { epoch: first.epoch, offset: first.top }
    this.response.status(200).set(headers)
    this.response.flushHeaders()
    this.response.write(`retry: ${retryMs}\n\n`)
    this.write('following', JSON.stringify({ ...first, events: [] }), this.place)
    if (first.recovered) this.sayPage(first)
    this.sayState()
    void this.readOn()
  }

  /** Writes what the log has after the last place, until there is no more or the response is full. */
  private async readOn(): Promise<void> {
    if (this.isReading || this.stream === undefined) return
    this.isReading = true
    try {
      while (this.isBehind()) {
        const page = await this.stream.more(this.place)
        if (this.isOver) return
        // Not there any more, or another epoch: the client learns it when it comes again.
        if (page.recovered) this.sayPage(page)
        else this.end('behind')
        // Another node was quicker than ours, which will hear of it in a moment.
        if (page.events.length === 0) this.newest = this.place
      }
    } catch (error) {
      this.giveUp(error)
    } finally {
      this.isReading = false
    }
  }

  private hearOf(place: Position): void {
    if (this.newest.epoch !== place.epoch || this.newest.offset < place.offset) this.newest = place
  }

  private isBehind(): boolean {
    const { epoch, offset } = this.place
    const isNewer = this.newest.epoch !== epoch || this.newest.offset > offset
    return isNewer && !this.isOver && this.stalled === undefined
  }

  private giveUp(error: unknown): void {
    const refusal = this.engine.refuse(error, this.wish.requestId, 'channel.events')
    if (refusal.kind.status < 500) this.onClosed(refusal)
    else this.end('failed')
  }

  private sayPage({ channel, epoch, top, events }: Stream['first']): void {
    this.hearOf({ epoch, offset: top })
    for (let at = 0; at < events.length; at += frameEventsMax)
      this.say({ channel, epoch, events: events.slice(at, at + frameEventsMax) })
  }

  private say(frame: StreamFrame): void {
    this.place = { epoch: frame.epoch, offset: frame.events.at(-1)?.offset ?? this.place.offset }
    this.write('events', textOf(frame), this.place)
  }

  private sayState(): void {
    if (this.unsaid === undefined || this.stream === undefined || this.stalled !== undefined || this.isOver) return
    this.write('state', JSON.stringify({ channel: this.wish.channel, values: this.unsaid }))
    this.unsaid = undefined
  }

  private write(event: string, data: string, id?: Position): void {
    if (this.isOver) return
    const isTaken = this.response.write(
      `event: ${event}\n${id === undefined ? '' : `id: ${positionAsText(id)}\n`}data: ${data}\n\n`,
    )
    this.engine.world.metrics.streamFrames.inc({ event })
    if (!isTaken) this.stalled ??= setTimeout(() => this.end('slow'), this.limits.stalledMs)
  }

  private readonly onDrain = (): void => {
    clearTimeout(this.stalled)
    this.stalled = undefined
    this.sayState()
    void this.readOn()
  }

  private readonly ping = (): void => {
    if (this.stalled === undefined && !this.isOver) this.response.write(': ping\n\n')
  }
}

const headers = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  // Of a proxy that would collect the answer before it passes it on.
  'X-Accel-Buffering': 'no',
}

const texts = new WeakMap<StreamFrame, string>()

/** A frame goes to all who follow the channel: it is written as text once. */
function textOf(frame: StreamFrame): string {
  const text = texts.get(frame) ?? JSON.stringify(frame)
  texts.set(frame, text)
  return text
}
