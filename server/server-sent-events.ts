import { type Response } from 'express'
import { type Pipeline } from '../kernel/pipeline/pipeline'
import { drainingRefusal, type Refusal } from '../kernel/pipeline/refusals'
import { type StateFrame, type EventFrame, type ChannelState } from '../kernel/events/frames'
import { type Position, formatPosition } from '../kernel/events/position'
import {
  type ChannelStream,
  type ChannelStreamListener,
  type ChannelStreams,
  type ChannelStreamRequest,
} from '../kernel/events/channel-streams'

export interface SseLimits {
  pingEveryMs: number
  /** A stream that does not drain for this long is closed; the client resumes from its last position. */
  stallTimeoutMs: number
}

export const defaultSseLimits: SseLimits = { pingEveryMs: 15_000, stallTimeoutMs: 15_000 }
/** The `retry` field: the client's reconnect delay. */
const retryMs = 1_000
/** Pages are split into frames of this size, so that a slow client makes progress with every complete frame. */
const frameEventsMax = 50

/**
 * Streams a channel as server-sent events until it ends. Resolves with the reason: `disconnected`, `slow`,
 * `position_lost` (position no longer in the log), `draining` (node drains), `failed`, or the code of a refusal.
 * @throws what `streams.open` throws; nothing is written then.
 */
export async function sendServerSentEvents(
  { pipeline, streams, limits }: { pipeline: Pipeline; streams: ChannelStreams; limits: SseLimits },
  request: ChannelStreamRequest,
  response: Response,
): Promise<string> {
  const writer = new EventStream(response, pipeline, request, limits)
  const stream = await streams.open(request, writer)
  try {
    return await writer.follow(stream)
  } finally {
    stream.close()
  }
}

/**
 * Writes frames that directly follow the last written position. While the response is stalled or a log read is running,
 * live frames are dropped and read from the log afterwards, so that at most one page is buffered.
 */
class EventStream implements ChannelStreamListener {
  private readonly ended: Promise<string>
  private end: (reason: string) => void = () => undefined
  private isOver = false
  private refusal: Refusal | undefined
  private stream: ChannelStream | undefined
  /** The last position written. */
  private position: Position = { epoch: '', offset: 0 }
  /** The newest position received. */
  private newest: Position = this.position
  private isReading = false
  private stalled: NodeJS.Timeout | undefined
  private pendingState: ChannelState | undefined

  constructor(
    private readonly response: Response,
    private readonly pipeline: Pipeline,
    private readonly request: ChannelStreamRequest,
    private readonly limits: SseLimits,
  ) {
    this.ended = new Promise(resolve => {
      this.end = reason => {
        this.isOver = true
        resolve(reason)
      }
    })
    response.once('close', () => this.end('disconnected'))
    // A write error means that the client has disconnected.
    response.on('error', () => this.end('disconnected'))
    response.on('drain', this.onDrain)
  }

  /** @throws the refusal when access was lost before the stream began. */
  async follow(stream: ChannelStream): Promise<string> {
    if (this.refusal !== undefined) throw this.refusal
    const ping = setInterval(this.ping, this.limits.pingEveryMs)
    if (!this.isOver) this.begin(stream)
    const reason = await this.ended
    clearInterval(ping)
    clearTimeout(this.stalled)
    // A stalled client would not read the end of the response: close the connection.
    if (reason === 'slow') this.response.destroy()
    else this.response.end()
    return reason
  }

  onFrame(frame: EventFrame): void {
    const [first, last] = [frame.events[0], frame.events.at(-1)]
    if (first === undefined || last === undefined || this.isOver) return
    this.noteNewest({ epoch: frame.epoch, offset: last.offset })
    const continues = frame.epoch === this.position.epoch && first.offset === this.position.offset + 1
    if (continues && !this.isReading && this.stalled === undefined) this.writeFrame(frame)
    else void this.catchUp()
  }

  onState({ values }: StateFrame): void {
    this.pendingState = { ...this.pendingState, ...values }
    this.writeState()
  }

  onClosed(refusal: Refusal): void {
    const { channel, requestId } = this.request
    this.endWith(refusal.kind.code, refusal, 'channel.closed', { channel, problem: refusal.toProblem(requestId) })
  }

  onEpochChanged(): void {
    if (this.stream !== undefined) this.end('position_lost')
  }

  onDraining(): void {
    this.endWith('draining', drainingRefusal(), 'draining', { channel: this.request.channel })
  }

  private endWith(reason: string, refusal: Refusal, event: string, data: object): void {
    if (this.isOver) return
    if (this.stream === undefined) this.refusal = refusal
    else this.write(event, JSON.stringify(data))
    this.end(reason)
  }

  private begin(stream: ChannelStream): void {
    const { first } = stream
    const { after } = this.request
    this.stream = stream
    this.position = first.recovered && after !== undefined ? after : { epoch: first.epoch, offset: first.latestOffset }
    this.response.status(200).set(headers)
    this.response.flushHeaders()
    this.response.write(`retry: ${retryMs}\n\n`)
    this.write('followed', JSON.stringify({ ...first, events: [] }), this.position)
    if (first.recovered) this.writePage(first)
    this.writeState()
    void this.catchUp()
  }

  /** Writes events from the log until the stream is up to date or the response stalls. */
  private async catchUp(): Promise<void> {
    if (this.isReading || this.stream === undefined) return
    this.isReading = true
    try {
      while (this.isBehind()) {
        const page = await this.stream.readAfter(this.position)
        if (this.isOver) return
        // The log no longer has the position, or the epoch changed: the client finds out when it reconnects.
        if (page.recovered) this.writePage(page)
        else this.end('position_lost')
        // A frame arrived before this node could read its events: the next frame triggers another read.
        if (page.events.length === 0) this.newest = this.position
      }
    } catch (error) {
      this.onReadError(error)
    } finally {
      this.isReading = false
    }
  }

  private noteNewest(position: Position): void {
    if (this.newest.epoch !== position.epoch || this.newest.offset < position.offset) this.newest = position
  }

  private isBehind(): boolean {
    const { epoch, offset } = this.position
    const isNewer = this.newest.epoch !== epoch || this.newest.offset > offset
    return isNewer && !this.isOver && this.stalled === undefined
  }

  private onReadError(error: unknown): void {
    const refusal = this.pipeline.toLoggedRefusal(error, this.request.requestId, 'channels.getEvents')
    if (refusal.kind.status < 500) this.onClosed(refusal)
    else this.end('failed')
  }

  private writePage({ channel, epoch, latestOffset, events }: ChannelStream['first']): void {
    this.noteNewest({ epoch, offset: latestOffset })
    for (let at = 0; at < events.length; at += frameEventsMax)
      this.writeFrame({ channel, epoch, events: events.slice(at, at + frameEventsMax) })
  }

  private writeFrame(frame: EventFrame): void {
    this.position = { epoch: frame.epoch, offset: frame.events.at(-1)?.offset ?? this.position.offset }
    this.write('events', serialize(frame), this.position)
  }

  private writeState(): void {
    if (this.pendingState === undefined || this.stream === undefined || this.stalled !== undefined || this.isOver)
      return
    this.write('state', JSON.stringify({ channel: this.request.channel, values: this.pendingState }))
    this.pendingState = undefined
  }

  private write(event: string, data: string, id?: Position): void {
    if (this.isOver) return
    const hasCapacity = this.response.write(
      `event: ${event}\n${id === undefined ? '' : `id: ${formatPosition(id)}\n`}data: ${data}\n\n`,
    )
    this.pipeline.app.metrics.sseFrames.inc({ event })
    if (!hasCapacity) this.stalled ??= setTimeout(() => this.end('slow'), this.limits.stallTimeoutMs)
  }

  private readonly onDrain = (): void => {
    clearTimeout(this.stalled)
    this.stalled = undefined
    this.writeState()
    void this.catchUp()
  }

  private readonly ping = (): void => {
    if (this.stalled === undefined && !this.isOver) this.response.write(': ping\n\n')
  }
}

const headers = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  // Disables response buffering in nginx.
  'X-Accel-Buffering': 'no',
}

const serialized = new WeakMap<EventFrame, string>()

/** Memoises the JSON of a frame, which all streams of its channel share. */
function serialize(frame: EventFrame): string {
  const text = serialized.get(frame) ?? JSON.stringify(frame)
  serialized.set(frame, text)
  return text
}
