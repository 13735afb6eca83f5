import { randomUUID } from 'node:crypto'
import { type Socket } from 'socket.io'
import { type Closing } from '../kernel/closings'
import { type Problem, type RefusalMore } from '../kernel/refusals'
import { type World } from '../kernel/world'
import { closeTransport, type Connection } from './close-transport'

interface CloseOptions extends RefusalMore {
  closing: Closing
}

/** Sends `session.closed` with the reason and closes the transport; the client reconnects by itself. */
export function closeConnection({ metrics }: Pick<World, 'metrics'>, socket: Socket, options: CloseOptions): void {
  socket.emit('session.closed', problemOf(options))
  metrics.sessionsClosed.inc({ code: options.closing.kind.code })
  closeTransport(socket.conn)
}

/** The same for a connection without an authenticated socket: the client gets `connect_error` with the problem as `data`. */
export function refuseConnection({ metrics }: Pick<World, 'metrics'>, conn: Connection, options: CloseOptions): void {
  const problem = problemOf(options)
  conn.write(`${connectError}${JSON.stringify({ message: problem.title, data: problem })}`)
  metrics.sessionsClosed.inc({ code: problem.code })
  closeTransport(conn)
}

/** The CONNECT_ERROR packet type, written by hand: there is no Socket.IO socket yet to write it. */
const connectError = '4'

const problemOf = ({ closing: { kind }, ...more }: CloseOptions): Problem =>
  kind(undefined, more).toProblem(randomUUID())
