import { setTimeout as pause } from 'node:timers/promises'
import { type Refusal } from '../kernel/refusals'
import { type CatchUp, type Position, type StreamFrame } from '../kernel/stream'
import { type StreamEar, type Streams, type StreamWish } from '../kernel/streams'

/**
 * What a channel has after a place: at once when there is anything, else when something happens, and after `waitMs` at the
 * latest. Without a place, or with one that means nothing any more, there is nothing to wait for.
 * @throws what opening throws, and the refusal when the caller may follow it no longer.
 */
export async function longPoll(
  streams: Streams,
  wish: StreamWish,
  waitMs: number,
  gone: AbortSignal,
): Promise<CatchUp> {
  const ear = new Ear(wish.after)
  const stream = await streams.open(wish, ear)
  try {
    const { first } = stream
    const { after } = wish
    if (after === undefined || !first.recovered || first.events.length > 0 || waitMs === 0) return ear.allowed(first)
    await ear.untilHeard(waitMs, gone)
    // Read whatever woke us: one moment may bring several frames, and the state has moved meanwhile.
    return gone.aborted ? first : ear.allowed(await stream.more(after))
  } finally {
    stream.close()
  }
}

class Ear implements StreamEar {
  private refusal: Refusal | undefined
  private readonly heard = new AbortController()

  constructor(private readonly after: Position | undefined) {}

  async untilHeard(ms: number, gone: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([this.heard.signal, gone])
    await pause(ms, undefined, { signal }).catch(() => undefined)
  }

  /** @throws the refusal when the right was lost meanwhile. */
  allowed(found: CatchUp): CatchUp {
    if (this.refusal !== undefined) throw this.refusal
    return found
  }

  /** A frame that the caller has seen may still be on its way to this node. */
  onFrame({ epoch, events }: StreamFrame): void {
    const newest = events.at(-1)?.offset ?? 0
    if (epoch !== this.after?.epoch || newest > this.after.offset) this.heard.abort()
  }

  onState(): void {
    return
  }

  onClosed(refusal: Refusal): void {
    this.refusal ??= refusal
    this.heard.abort()
  }

  onRestarted(): void {
    this.heard.abort()
  }

  onMoving(): void {
    this.heard.abort()
  }
}
