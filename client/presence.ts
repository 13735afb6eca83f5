import { type PresenceFrame } from './operations'
import { type Fields, isFields } from './stream'

/** Who follows a channel. */
export interface Presence {
  count: number
  /** Ids of profiles; null when there are too many to list. */
  members: readonly string[] | null
}

const waitingMax = 1_000

/** What holds at `rev`, for whoever knows what held at `after` or later. */
type Delta = Omit<PresenceFrame, 'channel'>

/** Puts together who is there, from the answer to a follow and what changes after it. */
export class Roll {
  #rev = -1
  #count = 0
  #members: Set<string> | null = null
  #waiting: Delta[] = []

  get now(): Presence | undefined {
    return this.#rev < 0 ? undefined : { count: this.#count, members: this.#members && [...this.#members] }
  }

  /** Answers whether something is missing before it. What comes before the first answer waits for it. */
  hear(delta: unknown): boolean {
    if (!isDelta(delta)) return false
    this.#waiting = [...this.#waiting, delta].slice(-waitingMax)
    if (this.#rev < 0) return false
    this.#run()
    return this.#waiting.length > 0
  }

  /** The whole, as it was read for us. Answers whether it is there. */
  answer(whole: unknown): boolean {
    if (!isWhole(whole)) return false
    this.#rev = whole.rev
    this.#count = whole.count
    this.#members = whole.members && new Set(whole.members)
    this.#run()
    // What is still ahead was missed before we asked, or speaks of what Redis has lost: the next change will tell.
    this.#waiting = []
    return true
  }

  #run(): void {
    const left: Delta[] = []
    for (const delta of this.#waiting.sort((one, other) => one.rev - other.rev))
      if (delta.after > this.#rev) left.push(delta)
      else if (delta.rev >= this.#rev) this.#apply(delta)
    this.#waiting = left
  }

  #apply({ rev, count, joined, left }: Delta): void {
    this.#rev = rev
    this.#count = count
    // Whoever was too many to list is named as a whole, once that is possible.
    if (this.#members === null && joined.length === count) this.#members = new Set()
    for (const member of joined) this.#members?.add(member)
    for (const member of left) this.#members?.delete(member)
    if (this.#members?.size !== count) this.#members = null
  }
}

const isDelta = (value: unknown): value is Delta & Fields =>
  isFields(value) && typeof value.rev === 'number' && Array.isArray(value.joined) && Array.isArray(value.left)

const isWhole = (value: unknown): value is { rev: number; count: number; members: string[] | null } & Fields =>
  isFields(value) && typeof value.rev === 'number' && typeof value.count === 'number'
