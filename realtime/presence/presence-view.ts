import { type PresenceFrame } from '../../kernel/events/protocol'
import { type PresenceSnapshot, type PresenceChange, membersListedMax } from '../../kernel/platform/presence-store'

export type PresenceState = Pick<PresenceSnapshot, 'rev' | 'count' | 'members'>

interface ViewOptions {
  channel: string
  windowMs: number
  /** Time after Redis lost its data within which all nodes report theirs again. */
  settleMs: number
  read(): Promise<PresenceSnapshot>
  /** The members on this node, shown while Redis cannot be read. */
  localMembers(): string[]
  sendFrame(frame: PresenceFrame): void
}

/**
 * This node's copy of a channel's presence: updated by the changes that Redis publishes, and read again when one is missing. A frame
 * has every member changed since the last frame with its current state, so it applies to any state in between, also twice.
 */
export class PresenceView {
  private epoch = ''
  private rev = 0
  private count = 0
  private members: Set<string> | null = new Set()
  private changed = new Map<string, boolean>()
  private sent = { rev: 0, count: 0 }
  private hasRead = false
  /** Whether the last read from Redis failed. */
  isStale = false
  private wasShown = false
  private hasWaited = false
  private isClosed = false
  private reading: Promise<void> | undefined
  private queuedChanges: PresenceChange[] = []
  private waiters: { rev: number; wake: () => void }[] = []
  private window: NodeJS.Timeout | undefined
  private waitTimer: NodeJS.Timeout | undefined

  constructor(private readonly options: ViewOptions) {}

  receive(change: PresenceChange): void {
    if (this.reading !== undefined) this.queuedChanges.push(change)
    else this.apply(change)
  }

  /** Reads the presence from Redis again. Never rejects: while Redis is down the copy stays as it is. */
  reload(): Promise<void> {
    this.reading ??= this.options
      .read()
      .then(
        snapshot => {
          this.isStale = false
          if (!this.isClosed) this.adopt(snapshot)
        },
        () => (this.isStale = true),
      )
      .then(() => {
        this.reading = undefined
        const queuedChanges = this.hasRead ? this.queuedChanges : []
        this.queuedChanges = []
        for (const change of queuedChanges) this.apply(change)
      })
    return this.reading
  }

  /** Resolves when the copy has reached `rev`, or after `timeoutMs`. */
  async waitForRevision(rev: number, timeoutMs: number): Promise<void> {
    if (this.hasReached(rev)) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, timeoutMs)
      const wake = () => {
        clearTimeout(timer)
        resolve()
      }
      this.waiters.push({ rev, wake })
    })
  }

  current(): PresenceState {
    this.wasShown = true
    if (!this.hasRead) {
      const members = this.options.localMembers()
      // Keep them as members, so that a `left` is sent for those who turn out to be gone.
      for (const member of members) this.members?.add(member)
      return { rev: 0, count: members.length, members: members.length > membersListedMax ? null : members }
    }
    const { rev, count } = this
    return { rev, count, members: this.members === null ? null : [...this.members] }
  }

  close(): void {
    this.isClosed = true
    clearTimeout(this.window)
    clearTimeout(this.waitTimer)
    for (const { wake } of this.waiters.splice(0)) wake()
  }

  private hasReached(rev: number): boolean {
    return this.hasRead && this.rev >= rev
  }

  private apply(change: PresenceChange): void {
    if (this.isClosed || (change.epoch === this.epoch && change.rev <= this.rev)) return
    if (change.epoch !== this.epoch || change.rev !== this.rev + 1) {
      void this.reload()
      return
    }
    this.rev = change.rev
    this.count = change.count
    for (const member of change.joined) this.setMember(member, true)
    for (const member of change.left) this.setMember(member, false)
    if (this.count > membersListedMax) this.members = null
    else if (this.members === null) void this.reload()
    this.wakeWaiters()
    this.sendFrames()
  }

  private adopt(snapshot: PresenceSnapshot): void {
    const { members } = snapshot
    const hasDeparted = (member: string) => members?.includes(member) === false
    const departed = [...(this.members ?? [])].filter(hasDeparted)
    const lostData = this.hasRead && snapshot.epoch !== this.epoch
    if (lostData && !this.hasWaited && (departed.length > 0 || snapshot.count < this.count)) {
      this.waitForReports()
      return
    }
    this.hasWaited = false
    for (const member of departed) this.setMember(member, false)
    for (const member of members ?? [])
      if (!this.hasRead || this.members?.has(member) !== true) this.setMember(member, true)
    this.members = members === null ? null : new Set(members)
    this.rev = snapshot.rev
    this.epoch = snapshot.epoch
    this.count = snapshot.count
    // Nobody has seen an earlier state: there is no change to send.
    if (!this.hasRead && !this.wasShown) {
      this.changed.clear()
      this.sent = { rev: this.rev, count: this.count }
    }
    this.hasRead = true
    this.wakeWaiters()
    this.sendFrames()
  }

  /** Waits before removing members after Redis lost its data: their nodes may not have reported them again yet. */
  private waitForReports(): void {
    this.waitTimer ??= setTimeout(() => {
      this.waitTimer = undefined
      this.hasWaited = true
      void this.reload()
    }, this.options.settleMs).unref()
  }

  private setMember(member: string, isHere: boolean): void {
    if (isHere) this.members?.add(member)
    else this.members?.delete(member)
    this.changed.set(member, isHere)
  }

  private wakeWaiters(): void {
    const [ready, waiters] = [this.waiters.filter(({ rev }) => this.hasReached(rev)), this.waiters]
    this.waiters = waiters.filter(({ rev }) => !this.hasReached(rev))
    for (const { wake } of ready) wake()
  }

  /** Sends a frame at once, then at most one per window. */
  private sendFrames(): void {
    if (this.window !== undefined) return
    if (!this.sendFrame()) return
    this.window = setTimeout(() => {
      this.window = undefined
      this.sendFrames()
    }, this.options.windowMs).unref()
  }

  private sendFrame(): boolean {
    const { sent, rev, count, members } = this
    if (this.isClosed || rev === sent.rev) return false
    const isCountOnly = count > membersListedMax
    // The members are being read; the frame follows then.
    if (!isCountOnly && members === null) return false
    const membersWhere = (isHere: boolean) =>
      [...this.changed].flatMap(([member, now]) => (now === isHere ? [member] : []))
    // After a frame with the count alone, send all members once there are few enough.
    const joined = sent.count > membersListedMax ? [...(members ?? [])] : membersWhere(true)
    const named = isCountOnly ? { joined: [], left: [] } : { joined, left: membersWhere(false) }
    this.changed.clear()
    this.sent = { rev, count }
    this.options.sendFrame({ channel: this.options.channel, rev, previousRev: sent.rev, count, ...named })
    return true
  }
}
