import { InvalidMeasurement } from '../measure-pairs'
import { type LoadClient } from './load-client'

interface Frame {
  channel: string
  from: number
  to: number
}

const timeoutMs = 10_000

/**
 * Counts the events delivered to many clients. Each client must receive every event of a channel once and in order: a gap or a duplicate
 * invalidates the measurement.
 */
export class DeliveryCounter {
  delivered = 0
  frames = 0
  bytes = 0
  private broken: string | undefined
  private expectedTotal = Infinity
  private done: () => void = () => undefined
  private readonly last: Map<string, number>[]
  /** The last parsed text: all clients receive the same one, so it is parsed once. */
  private text = ''
  private frame: Frame | undefined

  constructor(readonly clients: readonly LoadClient[]) {
    this.last = clients.map(() => new Map<string, number>())
    clients.forEach((client, index) => (client.onEvents = text => this.hear(text, index)))
  }

  /** Runs `send` and resolves when exactly `count` events have reached every client. @throws Void otherwise */
  async expectEvents(count: number, send: () => Promise<unknown>): Promise<void> {
    const expected = (this.expectedTotal = this.delivered + count * this.clients.length)
    const all = new Promise<void>(resolve => (this.done = resolve))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => (timer = setTimeout(resolve, timeoutMs)))
    await send()
    if (this.delivered < expected) await Promise.race([all, late])
    clearTimeout(timer)
    const { broken, delivered } = this
    this.broken = undefined
    if (broken !== undefined) throw new InvalidMeasurement(broken)
    if (delivered !== expected)
      throw new InvalidMeasurement(`${delivered} events were delivered instead of ${expected}`)
  }

  private hear(text: string, index: number): void {
    if (text !== this.text) {
      this.frame = parseEventsFrame(text)
      this.text = text
    }
    const { frame } = this
    if (frame === undefined) return
    const last = this.last[index]?.get(frame.channel)
    if (last !== undefined && frame.from !== last + 1)
      this.broken = `a client at offset ${last} of ${frame.channel} received ${frame.from}`
    this.last[index]?.set(frame.channel, frame.to)
    this.frames += 1
    this.bytes += text.length + 2
    this.delivered += frame.to - frame.from + 1
    if (this.delivered >= this.expectedTotal) this.done()
  }
}

/** Parses an events frame; undefined for other messages. */
export function parseEventsFrame(text: string): Frame | undefined {
  if (!text.startsWith('["events"')) return undefined
  const [, frame] = JSON.parse(text) as [string, { channel: string; events: { offset: number }[] }]
  return { channel: frame.channel, from: frame.events[0]?.offset ?? 0, to: frame.events.at(-1)?.offset ?? 0 }
}
