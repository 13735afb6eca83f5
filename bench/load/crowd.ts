import { Void } from '../rounds'
import { type LoadClient } from './client'

interface Frame {
  channel: string
  from: number
  to: number
}

const patienceMs = 10_000

/**
 * Many clients, and how many events have reached them. Each must hear every event of a channel once, in order: a hole or a
 * repeat makes what was measured void.
 */
export class Crowd {
  delivered = 0
  frames = 0
  bytes = 0
  private broken: string | undefined
  private wanted = Infinity
  private done: () => void = () => undefined
  private readonly last: Map<string, number>[]
  /** All hear the same text, so that it needs to be read once. */
  private text = ''
  private frame: Frame | undefined

  constructor(readonly clients: readonly LoadClient[]) {
    this.last = clients.map(() => new Map<string, number>())
    clients.forEach((client, index) => (client.hears = text => this.hear(text, index)))
  }

  /** Resolves when the next `count` events have reached everybody, and nothing more. */
  async hearing(count: number, tell: () => Promise<unknown>): Promise<void> {
    const expected = (this.wanted = this.delivered + count * this.clients.length)
    const all = new Promise<void>(resolve => (this.done = resolve))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => (timer = setTimeout(resolve, patienceMs)))
    await tell()
    if (this.delivered < expected) await Promise.race([all, late])
    clearTimeout(timer)
    const { broken, delivered } = this
    this.broken = undefined
    if (broken !== undefined) throw new Void(broken)
    if (delivered !== expected) throw new Void(`${delivered} events were delivered instead of ${expected}`)
  }

  private hear(text: string, index: number): void {
    if (text !== this.text) {
      this.frame = frameIn(text)
      this.text = text
    }
    const { frame } = this
    if (frame === undefined) return
    const last = this.last[index]?.get(frame.channel)
    if (last !== undefined && frame.from !== last + 1)
      this.broken = `a client that was at ${last} of ${frame.channel} was sent ${frame.from}`
    this.last[index]?.set(frame.channel, frame.to)
    this.frames += 1
    this.bytes += text.length + 2
    this.delivered += frame.to - frame.from + 1
    if (this.delivered >= this.wanted) this.done()
  }
}

/** Undefined for what carries no events. */
export function frameIn(text: string): Frame | undefined {
  if (!text.startsWith('["events"')) return undefined
  const [, frame] = JSON.parse(text) as [string, { channel: string; events: { offset: number }[] }]
  return { channel: frame.channel, from: frame.events[0]?.offset ?? 0, to: frame.events.at(-1)?.offset ?? 0 }
}
