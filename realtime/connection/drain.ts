import { setTimeout as pause } from 'node:timers/promises'
import { type Server, type Socket } from 'socket.io'
import { drainingRefusal } from '../../kernel/pipeline/refusals'
import { type AppContext } from '../../kernel/platform/app-context'
import { closeTransport } from './close-transport'
import { type CallGate } from './call-rate-limit'

/** Time for a client to open a connection to another node after `connection.draining`, before this one is closed. */
const moveMsMax = 5_000
/** Time that calls in progress may keep a connection open. */
const answerMsMax = 5_000
const tickMs = 50

/** Calls without an answer yet, with their sockets. */
export type CallsInProgress = Map<Promise<void>, Socket>

export interface Drain {
  /** Refuses calls of a socket that is being closed: the client must repeat them on another node. */
  readonly gate: CallGate
  /** Moves all sockets to other nodes; resolves when they are gone, at most 10 s after `spreadMs`. */
  moveAll(spreadMs: number): Promise<void>
}

/**
 * Drains a node without an interruption: sends `connection.draining` to the sockets one after the other, so that they do not all reconnect
 * at once. Our client opens a new connection before it closes the old one; the transports of all others are closed a little
 * later, after which a plain socket.io-client reconnects by itself.
 */
export function createDrain({ metrics }: Pick<AppContext, 'metrics'>, io: Server, inProgress: CallsInProgress): Drain {
  const closing = new WeakSet<Socket>()

  async function moveAll(spreadMs: number): Promise<void> {
    const moveMs = Math.min(spreadMs, moveMsMax)
    const notified = new Set<Socket>()
    const ticks = Math.max(Math.ceil(spreadMs / tickMs), 1)
    for (let left = ticks; left > 0 && io.engine.clientsCount > 0; left -= 1) {
      // List the sockets in every tick: some disconnect by themselves, and handshakes in progress add new ones.
      const remaining = [...io.sockets.sockets.values()].filter(socket => !notified.has(socket))
      for (const socket of remaining.slice(0, Math.ceil(remaining.length / left))) {
        notified.add(socket)
        notify(socket, moveMs)
      }
      if (spreadMs > 0) await pause(tickMs)
    }
    const ticksLeft = Math.ceil((moveMs + answerMsMax) / tickMs)
    for (let left = ticksLeft; left > 0 && io.sockets.sockets.size > 0; left -= 1) await pause(tickMs)
  }

  function notify(socket: Socket, deadlineMs: number): void {
    socket.emit('connection.draining', { deadlineMs })
    const timer = setTimeout(() => void close(socket), deadlineMs).unref()
    socket.once('disconnect', () => {
      clearTimeout(timer)
      metrics.drainedSockets.inc({ outcome: closing.has(socket) ? 'closed' : 'moved' })
    })
  }

  async function close(socket: Socket): Promise<void> {
    closing.add(socket)
    const pendingAnswers = [...inProgress].flatMap(([answer, caller]) => (caller === socket ? [answer] : []))
    if (pendingAnswers.length > 0)
      await Promise.race([Promise.all(pendingAnswers), pause(answerMsMax, undefined, { ref: false })])
    closeTransport(socket.conn)
  }

  return {
    gate(socket) {
      if (closing.has(socket)) throw drainingRefusal()
    },
    moveAll,
  }
}
