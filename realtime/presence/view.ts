import { type Attendance, type AttendanceChange, membersShownMax } from '../../kernel/world/presence'

/** What followers hear: what holds at `rev` for whoever knows what held at `after`. */
export interface PresenceFrame {
  channel: string
  rev: number
  after: number
  count: number
  joined: string[]
  left: string[]
}

export type Present = Pick<Attendance, 'rev' | 'count' | 'members'>

interface Surroundings {
  channel: string
  windowMs: number
  /** So long after Redis lost what it knew all nodes have told it again. */
  settleMs: number
  read(): Promise<Attendance>
  /** Who is known to be there while Redis cannot be asked. */
  local(): string[]
  say(frame: PresenceFrame): void
}

/**
 * A channel's presence as the followers on this node know it: a copy that Redis' changes keep up, read anew wherever one is
 * missing. A frame names everybody who was touched since the last, as they are now, so that it may be applied to any state in
 * between, twice too.
 */
export class View {
  private base = ''
  private rev = 0
  private count = 0
  private members: Set<string> | null = new Set()
  private touched = new Map<string, boolean>()
  private told = { rev: 0, count: 0 }
  private isRead = false
  /** Redis did not answer the last time it was asked. */
  isStale = false
  private isShown = false
  private isSettled = false
  private isClosed = false
  private reading: Promise<void> | undefined
  private heard: AttendanceChange[] = []
  private waiting: { rev: number; wake: () => void }[] = []
  private window: NodeJS.Timeout | undefined
  private settling: NodeJS.Timeout | undefined

  constructor(private readonly around: Surroundings) {}

  hear(change: AttendanceChange): void {
    if (this.reading !== undefined) this.heard.push(change)
    else this.follow(change)
  }

  /** Reads all anew. Never rejects: while Redis is away nothing changes. */
  readAnew(): Promise<void> {
    this.reading ??= this.around
      .read()
      .then(
        attendance => {
          this.isStale = false
          if (!this.isClosed) this.adopt(attendance)
        },
        () => (this.isStale = true),
      )
      .then(() => {
        this.reading = undefined
        const heard = this.isRead ? this.heard : []
        this.heard = []
        for (const change of heard) this.follow(change)
      })
    return this.reading
  }

  /** Resolves when the view has come to `rev`, or after `patienceMs`. */
  async reach(rev: number, patienceMs: number): Promise<void> {
    if (this.hasReached(rev)) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, patienceMs)
      const wake = () => {
        clearTimeout(timer)
        resolve()
      }
      this.waiting.push({ rev, wake })
    })
  }

  show(): Present {
    this.isShown = true
    if (!this.isRead) {
      const members = this.around.local()
      // Whoever turns out to be gone must be told to have left.
      for (const member of members) this.members?.add(member)
      return { rev: 0, count: members.length, members: members.length > membersShownMax ? null : members }
    }
    const { rev, count } = this
    return { rev, count, members: this.members === null ? null : [...this.members] }
  }

  close(): void {
    this.isClosed = true
    clearTimeout(this.window)
    clearTimeout(this.settling)
    for (const { wake } of this.waiting.splice(0)) wake()
  }

  private hasReached(rev: number): boolean {
    return this.isRead && this.rev >= rev
  }

  private follow(change: AttendanceChange): void {
    if (this.isClosed || (change.base === this.base && change.rev <= this.rev)) return
    if (change.base !== this.base || change.rev !== this.rev + 1) {
      void this.readAnew()
      return
    }
    this.rev = change.rev
    this.count = change.count
    for (const member of change.joined) this.touch(member, true)
    for (const member of change.left) this.touch(member, false)
    if (this.count > membersShownMax) this.members = null
    else if (this.members === null) void this.readAnew()
    this.wake()
    this.tellSoon()
  }

  private adopt(attendance: Attendance): void {
    const { members } = attendance
    const isMissed = (member: string) => members?.includes(member) === false
    const missed = [...(this.members ?? [])].filter(isMissed)
    const isBegunAnew = this.isRead && attendance.base !== this.base
    if (isBegunAnew && !this.isSettled && (missed.length > 0 || attendance.count < this.count)) {
      this.settle()
      return
    }
    this.isSettled = false
    for (const member of missed) this.touch(member, false)
    for (const member of members ?? []) if (!this.isRead || this.members?.has(member) !== true) this.touch(member, true)
    this.members = members === null ? null : new Set(members)
    this.rev = attendance.rev
    this.base = attendance.base
    this.count = attendance.count
    // What nobody has asked for before it was known is new to nobody.
    if (!this.isRead && !this.isShown) {
      this.touched.clear()
      this.told = { rev: this.rev, count: this.count }
    }
    this.isRead = true
    this.wake()
    this.tellSoon()
  }

  /** Redis lost what it knew: who seems to be gone may only not have been told again yet. */
  private settle(): void {
    this.settling ??= setTimeout(() => {
      this.settling = undefined
      this.isSettled = true
      void this.readAnew()
    }, this.around.settleMs).unref()
  }

  private touch(member: string, isHere: boolean): void {
    if (isHere) this.members?.add(member)
    else this.members?.delete(member)
    this.touched.set(member, isHere)
  }

  private wake(): void {
    const [ready, waiting] = [this.waiting.filter(({ rev }) => this.hasReached(rev)), this.waiting]
    this.waiting = waiting.filter(({ rev }) => !this.hasReached(rev))
    for (const { wake } of ready) wake()
  }

  /** At once, then once a window. */
  private tellSoon(): void {
    if (this.window !== undefined) return
    if (!this.tell()) return
    this.window = setTimeout(() => {
      this.window = undefined
      this.tellSoon()
    }, this.around.windowMs).unref()
  }

  private tell(): boolean {
    const { told, rev, count, members } = this
    if (this.isClosed || rev === told.rev) return false
    const isCounted = count > membersShownMax
    // The members are being read: they are told then.
    if (!isCounted && members === null) return false
    const those = (isHere: boolean) => [...this.touched].flatMap(([member, now]) => (now === isHere ? [member] : []))
    // Whoever knew but the number learns of all, once their number allows.
    const joined = told.count > membersShownMax ? [...(members ?? [])] : those(true)
    const named = isCounted ? { joined: [], left: [] } : { joined, left: those(false) }
    this.touched.clear()
    this.told = { rev, count }
    this.around.say({ channel: this.around.channel, rev, after: told.rev, count, ...named })
    return true
  }
}
