import { setTimeout as pause } from 'node:timers/promises'
import { type Server, type Socket } from 'socket.io'
import { refusals } from '../kernel/refusals'
import { type World } from '../kernel/world'
import { closeTransport } from './close-transport'
import { type CallGate } from './flood'

/** After it was told, a client has so long to open a new connection elsewhere and to close this one. */
const moveMsMax = 5_000
/** So long its calls under way may keep a connection open. */
const answerMsMax = 5_000
const tickMs = 50

/** Calls that are not answered yet, and whose they are. */
export type CallsUnderWay = Map<Promise<void>, Socket>

export interface Drain {
  /** Refuses calls of a socket that is just being closed: whatever it asks, another node must do. */
  readonly gate: CallGate
  /** Sends all sockets of this node elsewhere; resolves when they are gone, at most 10 s after `spreadMs`. */
  moveAll(spreadMs: number): Promise<void>
}

/**
 * Empties a node without anybody noticing: each socket is told at a moment of its own, so that the others are not met by
 * all at once; whoever understands `session.moving` opens a new connection before it closes this one; the rest is closed
 * a little later, in the way after which a plain client comes back by itself.
 */
export function prepareDrain({ metrics }: Pick<World, 'metrics'>, io: Server, underWay: CallsUnderWay): Drain {
  const closing = new WeakSet<Socket>()

  async function moveAll(spreadMs: number): Promise<void> {
    const moveMs = Math.min(spreadMs, moveMsMax)
    const told = new Set<Socket>()
    const ticks = Math.max(Math.ceil(spreadMs / tickMs), 1)
    for (let left = ticks; left > 0 && io.engine.clientsCount > 0; left -= 1) {
      // Anew each time: some leave by themselves, and handshakes under way still become sockets.
      const untold = [...io.sockets.sockets.values()].filter(socket => !told.has(socket))
      for (const socket of untold.slice(0, Math.ceil(untold.length / left))) {
        told.add(socket)
        tell(socket, moveMs)
      }
      if (spreadMs > 0) await pause(tickMs)
    }
    const ticksLeft = Math.ceil((moveMs + answerMsMax) / tickMs)
    for (let left = ticksLeft; left > 0 && io.sockets.sockets.size > 0; left -= 1) await pause(tickMs)
  }

  function tell(socket: Socket, withinMs: number): void {
    socket.emit('session.moving', { withinMs })
    const timer = setTimeout(() => void close(socket), withinMs).unref()
    socket.once('disconnect', () => {
      clearTimeout(timer)
      metrics.drained.inc({ how: closing.has(socket) ? 'closed' : 'moved' })
    })
  }

  async function close(socket: Socket): Promise<void> {
    closing.add(socket)
    const answers = [...underWay].flatMap(([answer, caller]) => (caller === socket ? [answer] : []))
    if (answers.length > 0) await Promise.race([Promise.all(answers), pause(answerMsMax, undefined, { ref: false })])
    closeTransport(socket.conn)
  }

  return {
    gate(socket) {
      if (closing.has(socket)) throw refusals.moving(undefined, { retryAfter: 1 })
    },
    moveAll,
  }
}
