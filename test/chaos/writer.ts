import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type AcknowledgedWrite, digestOf } from './oracle'
import { channelOf } from './registry'
import { type Random } from './random'

export interface Write {
  boards: readonly string[]
  write: string
  n: number
  pad: string
}

/** A write that succeeded. */
export interface CompletedWrite extends AcknowledgedWrite {
  n: number
  /** The digest of the expected event, without its time, which only the server knows. */
  digest: string
}

export interface WriterOptions {
  urls: readonly string[]
  token: string
  /** The writer's own board. */
  board: string
  /** Other boards that a write may include. */
  others: readonly string[]
  perSecond: number
  padBytes: number
  random: Random
}

/** Status codes to retry, as documented; 0 means no response. */
export const retryableStatuses: readonly number[] = [0, 409, 429, 503]
const answerWithinMs = 3_000
const giveUpAfterMs = 60_000

/**
 * Writes one event after the other, each to a random node with its own idempotency key. Retries with the same key until it gets
 * a response, so that every write has happened exactly once.
 */
export class Writer {
  readonly acknowledged: CompletedWrite[] = []
  /** The number of responses by status; 0 means no response. */
  readonly statuses = new Map<number, number>()
  /** The maximum time from the first attempt of a write to its success. */
  worstMs = 0
  private n = 0
  private running: Promise<void> | undefined
  private stopping = new AbortController()

  constructor(private readonly options: WriterOptions) {}

  start(): void {
    this.stopping = new AbortController()
    this.running = this.writeOn(this.stopping.signal)
  }

  /** Resolves when the last write has a response. */
  async stop(): Promise<void> {
    this.stopping.abort()
    await this.running
  }

  private async writeOn(stopped: AbortSignal): Promise<void> {
    const { perSecond, random } = this.options
    while (!stopped.aborted) {
      await this.writeOne()
      await pause((2_000 * random.next()) / perSecond, undefined, { signal: stopped }).catch(() => undefined)
    }
  }

  private async writeOne(): Promise<void> {
    const { board, others, random, padBytes } = this.options
    const extraBoards = others.length > 0 && random.next() < 0.3 ? [random.pick(others)] : []
    const boards = [...new Set([board, ...extraBoards])]
    this.n += 1
    const write = { boards, write: randomUUID(), n: this.n, pad: 'x'.repeat(random.between(padBytes >> 1, padBytes)) }
    const startedAt = Date.now()
    const deadline = startedAt + giveUpAfterMs
    for (;;) {
      const status = await this.send(write)
      if (status === 201) break
      if (!retryableStatuses.includes(status) || Date.now() > deadline) return
      await pause(random.between(20, 200))
    }
    this.worstMs = Math.max(this.worstMs, Date.now() - startedAt)
    const digest = digestOf({ id: write.write, name: 'chaos.written', at: '', data: write })
    this.acknowledged.push({ write: write.write, channels: boards.map(channelOf), n: write.n, digest })
  }

  private async send(write: Write): Promise<number> {
    const { urls, token, random } = this.options
    const status = await fetch(`${random.pick(urls)}/api/v1/chaos/writes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': write.write },
      body: JSON.stringify(write),
      signal: AbortSignal.timeout(answerWithinMs),
    }).then(
      response => response.text().then(() => response.status),
      () => 0,
    )
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
    return status
  }
}
