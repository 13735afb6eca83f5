import { type Server, type Socket } from 'socket.io'
import { closeReasons } from '../../kernel/events/close-reasons'
import { describeError } from '../../kernel/platform/log'
import { type AppContext } from '../../kernel/platform/app-context'
import { followedChannels } from '../followed-channels'
import { closeConnection } from './close-connection'
import { type Connection, type QueuedPacket, sendQueueOf, webSocketOf } from './close-transport'

/** Sockets in `slow` receive no state, presence or signals; sockets in `lagging` receive no events either. */
export const slowRoom = 'slow'
export const laggingRoom = 'lagging'

export interface SlowLimits {
  sweepMs: number
  slowBytesMax: number
  laggingBytesMax: number
  laggingAfterMs: number
  closedBytesMax: number
  closedAfterMs: number
  /** A socket with at most this backlog that is shrinking counts as recovered. */
  recoveredBytesMax: number
}

export const slowLimits: SlowLimits = {
  sweepMs: 250,
  slowBytesMax: 64 * 1024,
  laggingBytesMax: 256 * 1024,
  laggingAfterMs: 5_000,
  closedBytesMax: 1024 * 1024,
  closedAfterMs: 15_000,
  recoveredBytesMax: 16 * 1024,
}

export interface SlowFollowerMonitor extends Disposable {
  /** Calls the listener for each socket that has recovered, to send it the state and presence that it missed. */
  onRecovered(listener: (socket: Socket) => void): void
}

/**
 * Samples the send queues of all sockets periodically, which adds nothing to the cost of a send, and bounds the memory of a client that
 * does not read: first it gets fewer messages, then it must `resync`, finally it is closed and resumes from the log. Plain
 * Socket.IO queues without limit (measured: 624 MB for one stalled client in 10 s).
 */
export function monitorSlowFollowers(
  app: MonitorContext,
  io: Server,
  limits: SlowLimits = slowLimits,
): SlowFollowerMonitor {
  const monitor = new BacklogMonitor(app, io, limits)
  const timer = setInterval(() => monitor.sweep(), limits.sweepMs).unref()
  return {
    onRecovered: listener => monitor.listeners.push(listener),
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

type MonitorContext = Pick<AppContext, 'metrics' | 'log'>
type Step = 'waiting' | 'slow' | 'lagging' | 'closed'

interface Backlog {
  queue: readonly QueuedPacket[]
  /** Number of packets of the queue that `bytes` includes. */
  counted: number
  bytes: number
  /** Counted in sweeps, not by the clock: a clock jump or a paused process must not close clients. */
  stuckMs: number
  step: Step
}

class BacklogMonitor {
  readonly listeners: ((socket: Socket) => void)[] = []
  /** Backlogs of the few sockets that had one at the last sweep. */
  private readonly backlogs = new Map<Socket, Backlog>()

  constructor(
    private readonly app: MonitorContext,
    private readonly io: Server,
    private readonly limits: SlowLimits,
  ) {}

  sweep(): void {
    let waitingBytes = 0
    for (const socket of this.io.sockets.sockets.values())
      if (hasBacklog(socket.conn)) waitingBytes += this.check(socket)
    for (const [socket, backlog] of this.backlogs) {
      if (!socket.connected) this.backlogs.delete(socket)
      else if (!hasBacklog(socket.conn)) this.recover(socket, backlog)
    }
    this.app.metrics.socketBufferBytes.set(waitingBytes)
  }

  private check(socket: Socket): number {
    const backlog = this.backlogs.get(socket) ?? { queue: [], counted: 0, bytes: 0, stuckMs: 0, step: 'waiting' }
    const isKnown = this.backlogs.has(socket)
    this.backlogs.set(socket, backlog)
    const isMoving = countQueue(backlog, sendQueueOf(socket.conn)) || !isKnown
    backlog.stuckMs = isMoving ? 0 : backlog.stuckMs + this.limits.sweepMs
    const bytes = backlog.bytes + (webSocketOf(socket.conn)?.bufferedAmount ?? 0)
    if (backlog.step === 'closed') return bytes
    const next = stepAfter(backlog, bytes, this.limits)
    if (stepOrder.indexOf(next) > stepOrder.indexOf(backlog.step)) this.escalate(next, socket, backlog)
    else if (isMoving && isKnown && bytes <= this.limits.recoveredBytesMax) this.recover(socket, backlog)
    return bytes
  }

  private escalate(step: Step, socket: Socket, backlog: Backlog): void {
    backlog.step = step
    this.app.metrics.slowConsumerSteps.inc({ step })
    void socket.join(step === 'slow' ? [slowRoom] : [slowRoom, laggingRoom])
    if (step !== 'closed') return
    // Clients that read again before the transport is cut receive the reason.
    closeConnection(this.app, socket, closeReasons.slowConsumer, { retryAfter: 1 })
  }

  private recover(socket: Socket, { step }: Backlog): void {
    this.backlogs.delete(socket)
    if (step === 'waiting' || step === 'closed') return
    void socket.leave(slowRoom)
    void socket.leave(laggingRoom)
    if (step === 'lagging') {
      // Send `resync` after leaving `lagging`: from here on the socket receives events, and it reads the skipped ones from the log.
      socket.emit('resync', { channels: followedChannels(socket) })
      this.app.metrics.slowConsumerSteps.inc({ step: 'resync' })
    }
    for (const listener of this.listeners) {
      try {
        listener(socket)
      } catch (error) {
        this.app.log.error(describeError(error), 'a recovered socket did not get all state and presence')
      }
    }
  }
}

const stepOrder: readonly Step[] = ['waiting', 'slow', 'lagging', 'closed']

/** `writable` counts for WebSockets only: a long-polling transport is never writable between two polls. */
const hasBacklog = (conn: Connection): boolean =>
  sendQueueOf(conn).length > 0 || (conn.transport.name === 'websocket' && !conn.transport.writable)

function stepAfter({ step, stuckMs }: Backlog, bytes: number, limits: SlowLimits): Step {
  if (stuckMs >= limits.closedAfterMs) return 'closed'
  // Close on size only in a later sweep: a large response that the client asked for may be sent at once.
  if (bytes > limits.closedBytesMax && step === 'lagging') return 'closed'
  if (bytes > limits.laggingBytesMax || stuckMs >= limits.laggingAfterMs) return 'lagging'
  return bytes > limits.slowBytesMax ? 'slow' : 'waiting'
}

/** Adds the packets queued since the last sweep; returns whether the transport has taken some meanwhile. */
function countQueue(backlog: Backlog, queue: readonly QueuedPacket[]): boolean {
  const isMoving = backlog.queue !== queue
  if (isMoving) Object.assign(backlog, { queue, counted: 0, bytes: 0 })
  for (; backlog.counted < queue.length; backlog.counted += 1) backlog.bytes += sizeOf(queue[backlog.counted])
  return isMoving
}

/** Text counts by characters: close to its bytes, and free. */
function sizeOf(packet: QueuedPacket | undefined): number {
  const data = packet?.data
  if (data === undefined) return 0
  return typeof data === 'string' ? data.length : data.byteLength
}
