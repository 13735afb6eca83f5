import { setTimeout as pause } from 'node:timers/promises'
import { type Refusal } from '../kernel/pipeline/refusals'
import { type CatchUp, type EventFrame } from '../kernel/events/frames'
import { type Position } from '../kernel/events/position'
import {
  type ChannelStreamListener,
  type ChannelStreams,
  type ChannelStreamRequest,
} from '../kernel/events/channel-streams'

/**
 * Returns the events of a channel after a position: at once if there are any, else when one arrives or after `waitMs`.
 * Without a valid position it returns at once.
 * @throws what `streams.open` throws, and the refusal when access is lost while waiting.
 */
export async function longPoll(
  streams: ChannelStreams,
  request: ChannelStreamRequest,
  waitMs: number,
  disconnected: AbortSignal,
): Promise<CatchUp> {
  const listener = new PollListener(request.after)
  const stream = await streams.open(request, listener)
  try {
    const { first } = stream
    const { after } = request
    if (after === undefined || !first.recovered || first.events.length > 0 || waitMs === 0)
      return listener.unlessRefused(first)
    await listener.untilChange(waitMs, disconnected)
    // Read again instead of using the frame: more frames may have arrived, and the state has changed.
    return disconnected.aborted ? first : listener.unlessRefused(await stream.readAfter(after))
  } finally {
    stream.close()
  }
}

class PollListener implements ChannelStreamListener {
  private refusal: Refusal | undefined
  private readonly changed = new AbortController()

  constructor(private readonly after: Position | undefined) {}

  async untilChange(ms: number, disconnected: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([this.changed.signal, disconnected])
    await pause(ms, undefined, { signal }).catch(() => undefined)
  }

  /** @throws the refusal when access was lost meanwhile. */
  unlessRefused(answer: CatchUp): CatchUp {
    if (this.refusal !== undefined) throw this.refusal
    return answer
  }

  /** Ignores frames that the caller already has: they may reach this node late. */
  onFrame({ epoch, events }: EventFrame): void {
    const newest = events.at(-1)?.offset ?? 0
    if (epoch !== this.after?.epoch || newest > this.after.offset) this.changed.abort()
  }

  onState(): void {
    return
  }

  onClosed(refusal: Refusal): void {
    this.refusal ??= refusal
    this.changed.abort()
  }

  onEpochChanged(): void {
    this.changed.abort()
  }

  onDraining(): void {
    this.changed.abort()
  }
}
