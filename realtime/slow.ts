import { type Server, type Socket } from 'socket.io'
import { closings } from '../kernel/closings'
import { describeError } from '../kernel/world/log'
import { type World } from '../kernel/world'
import { channelsOf } from './channels'
import { closeConnection } from './close-connection'
import { type Connection, type Packet, queueOf, wireOf } from './close-transport'

/** Sockets in `slow` are spared state, presence and signals; those in `lagging` also events. */
export const slowRoom = 'slow'
export const laggingRoom = 'lagging'

export interface SlowLimits {
  sweepMs: number
  slowBytesMax: number
  laggingBytesMax: number
  laggingAfterMs: number
  closedBytesMax: number
  closedAfterMs: number
  /** With no more than this waiting, and some of it leaving, a socket keeps up again. */
  drainedBytesMax: number
}

export const slowLimits: SlowLimits = {
  sweepMs: 250,
  slowBytesMax: 64 * 1024,
  laggingBytesMax: 256 * 1024,
  laggingAfterMs: 5_000,
  closedBytesMax: 1024 * 1024,
  closedAfterMs: 15_000,
  drainedBytesMax: 16 * 1024,
}

export interface SlowFollowers extends Disposable {
  /** Hears of each socket that was slow and keeps up again: it missed what is not repeated by itself. */
  onDrained(listener: (socket: Socket) => void): void
}

/**
 * Looks every so often at what waits to be sent, so that sending itself costs nothing more, and a client that does not
 * read costs a bounded piece of memory: first it gets less, then it is told to `resync`, in the end it is closed and comes
 * back to the log. Plain Socket.IO queues without end (measured: 624 MB for one stalled client in 10 s).
 */
export function watchSlowFollowers(world: SlowWorld, io: Server, limits: SlowLimits = slowLimits): SlowFollowers {
  const watch = new SlowWatch(world, io, limits)
  const timer = setInterval(() => watch.sweep(), limits.sweepMs).unref()
  return {
    onDrained: listener => watch.listeners.push(listener),
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

type SlowWorld = Pick<World, 'metrics' | 'log'>
type Step = 'waiting' | 'slow' | 'lagging' | 'closed'

interface Backlog {
  queue: readonly Packet[]
  /** How many packets of the queue are in `bytes`. */
  counted: number
  bytes: number
  /** Counted in sweeps: neither a clock that jumps nor a node that was stopped is the client's fault. */
  stuckMs: number
  step: Step
}

class SlowWatch {
  readonly listeners: ((socket: Socket) => void)[] = []
  /** Of sockets for which something waited at the last look, which is few. */
  private readonly backlogs = new Map<Socket, Backlog>()

  constructor(
    private readonly world: SlowWorld,
    private readonly io: Server,
    private readonly limits: SlowLimits,
  ) {}

  sweep(): void {
    let waitingBytes = 0
    for (const socket of this.io.sockets.sockets.values()) if (isWaiting(socket.conn)) waitingBytes += this.look(socket)
    for (const [socket, backlog] of this.backlogs) {
      if (!socket.connected) this.backlogs.delete(socket)
      else if (!isWaiting(socket.conn)) this.settle(socket, backlog)
    }
    this.world.metrics.socketQueueBytes.set(waitingBytes)
  }

  private look(socket: Socket): number {
    const backlog = this.backlogs.get(socket) ?? { queue: [], counted: 0, bytes: 0, stuckMs: 0, step: 'waiting' }
    const isKnown = this.backlogs.has(socket)
    this.backlogs.set(socket, backlog)
    const isMoving = count(backlog, queueOf(socket.conn)) || !isKnown
    backlog.stuckMs = isMoving ? 0 : backlog.stuckMs + this.limits.sweepMs
    const bytes = backlog.bytes + (wireOf(socket.conn)?.bufferedAmount ?? 0)
    if (backlog.step === 'closed') return bytes
    const next = stepAfter(backlog, bytes, this.limits)
    if (order.indexOf(next) > order.indexOf(backlog.step)) this.take(next, socket, backlog)
    else if (isMoving && isKnown && bytes <= this.limits.drainedBytesMax) this.settle(socket, backlog)
    return bytes
  }

  private take(step: Step, socket: Socket, backlog: Backlog): void {
    backlog.step = step
    this.world.metrics.slowFollowers.inc({ step })
    void socket.join(step === 'slow' ? [slowRoom] : [slowRoom, laggingRoom])
    if (step !== 'closed') return
    // Whoever reads again within the next moment learns why; the others find out when they connect.
    closeConnection(this.world, socket, { closing: closings.tooSlow, retryAfter: 1 })
  }

  private settle(socket: Socket, { step }: Backlog): void {
    this.backlogs.delete(socket)
    if (step === 'waiting' || step === 'closed') return
    void socket.leave(slowRoom)
    void socket.leave(laggingRoom)
    if (step === 'lagging') {
      // Only now that it is in the rooms again: what happens from here on it hears, what was left out it asks for.
      socket.emit('resync', { channels: channelsOf(socket) })
      this.world.metrics.slowFollowers.inc({ step: 'resync' })
    }
    for (const listener of this.listeners) {
      try {
        listener(socket)
      } catch (error) {
        this.world.log.error(describeError(error), 'a socket that keeps up again was not told everything')
      }
    }
  }
}

const order: readonly Step[] = ['waiting', 'slow', 'lagging', 'closed']

/** Between two polls a long-polling client is not writable and that says nothing: only what waits does. */
const isWaiting = (conn: Connection): boolean =>
  queueOf(conn).length > 0 || (conn.transport.name === 'websocket' && !conn.transport.writable)

function stepAfter({ step, stuckMs }: Backlog, bytes: number, limits: SlowLimits): Step {
  if (stuckMs >= limits.closedAfterMs) return 'closed'
  // Not in the first moment: what a client asked for itself may be more, and leave at once.
  if (bytes > limits.closedBytesMax && step === 'lagging') return 'closed'
  if (bytes > limits.laggingBytesMax || stuckMs >= limits.laggingAfterMs) return 'lagging'
  return bytes > limits.slowBytesMax ? 'slow' : 'waiting'
}

/** Adds what came since the last look; says whether the transport took something meanwhile. */
function count(backlog: Backlog, queue: readonly Packet[]): boolean {
  const isMoving = backlog.queue !== queue
  if (isMoving) Object.assign(backlog, { queue, counted: 0, bytes: 0 })
  for (; backlog.counted < queue.length; backlog.counted += 1) backlog.bytes += sizeOf(queue[backlog.counted])
  return isMoving
}

/** Of text its characters: near enough to its bytes, and free. */
function sizeOf(packet: Packet | undefined): number {
  const data = packet?.data
  if (data === undefined) return 0
  return typeof data === 'string' ? data.length : data.byteLength
}
