import { type PresenceFrame } from '../operations'
import { type Fields, isFields } from './frames'

/** Who is connected to a channel. */
export interface ChannelPresence {
  count: number
  /** Profile ids; null above 200 members. */
  members: readonly string[] | null
}

const bufferedMax = 1_000

/** A change to revision `rev`, for a roster at `previousRev` or later. */
type Delta = Omit<PresenceFrame, 'channel'>

/** Builds the presence of a channel from the answer to a follow and the `presence` frames after it. */
export class Roster {
  #rev = -1
  #count = 0
  #members: Set<string> | null = null
  #buffered: Delta[] = []

  get current(): ChannelPresence | undefined {
    return this.#rev < 0 ? undefined : { count: this.#count, members: this.#members && [...this.#members] }
  }

  /** Takes a frame; returns whether a frame before it is missing. Frames before the first answer are buffered. */
  receive(delta: unknown): boolean {
    if (!isDelta(delta)) return false
    this.#buffered = [...this.#buffered, delta].slice(-bufferedMax)
    if (this.#rev < 0) return false
    this.#applyBuffered()
    return this.#buffered.length > 0
  }

  /** Takes the complete presence of a follow's answer; returns whether the answer has one. */
  reset(presence: unknown): boolean {
    if (!isPresence(presence)) return false
    this.#rev = presence.rev
    this.#count = presence.count
    this.#members = presence.members && new Set(presence.members)
    this.#applyBuffered()
    // Drop frames still ahead: their predecessors were missed, or Redis lost its data. The next frame shows the gap.
    this.#buffered = []
    return true
  }

  #applyBuffered(): void {
    const ahead: Delta[] = []
    for (const delta of this.#buffered.sort((a, b) => a.rev - b.rev))
      if (delta.previousRev > this.#rev) ahead.push(delta)
      else if (delta.rev >= this.#rev) this.#apply(delta)
    this.#buffered = ahead
  }

  #apply({ rev, count, joined, left }: Delta): void {
    this.#rev = rev
    this.#count = count
    // A frame with all members follows a time with the count alone.
    if (this.#members === null && joined.length === count) this.#members = new Set()
    for (const member of joined) this.#members?.add(member)
    for (const member of left) this.#members?.delete(member)
    if (this.#members?.size !== count) this.#members = null
  }
}

const isDelta = (value: unknown): value is Delta & Fields =>
  isFields(value) && typeof value.rev === 'number' && Array.isArray(value.joined) && Array.isArray(value.left)

const isPresence = (value: unknown): value is { rev: number; count: number; members: string[] | null } & Fields =>
  isFields(value) && typeof value.rev === 'number' && typeof value.count === 'number'
