import { randomUUID } from 'node:crypto'
import { type Socket } from 'socket.io'
import { type CloseReason } from '../../kernel/events/close-reasons'
import { type Problem, type RefusalExtras } from '../../kernel/pipeline/refusals'
import { type AppContext } from '../../kernel/platform/app-context'
import { closeTransport, type Connection } from './close-transport'

interface CloseOptions extends RefusalExtras {
  closing: CloseReason
}

/** Sends `connection.closed` with the reason and closes the transport; the client reconnects by itself. */
export function closeConnection({ metrics }: Pick<AppContext, 'metrics'>, socket: Socket, options: CloseOptions): void {
  socket.emit('connection.closed', problemOf(options))
  metrics.connectionsClosed.inc({ code: options.closing.refusalKind.code })
  closeTransport(socket.conn)
}

/** The same for a connection without an authenticated socket: the client gets `connect_error` with the problem as `data`. */
export function refuseConnection(
  { metrics }: Pick<AppContext, 'metrics'>,
  conn: Connection,
  options: CloseOptions,
): void {
  const problem = problemOf(options)
  conn.write(`${connectError}${JSON.stringify({ message: problem.title, data: problem })}`)
  metrics.connectionsClosed.inc({ code: problem.code })
  closeTransport(conn)
}

/** The CONNECT_ERROR packet type, written by hand: there is no Socket.IO socket yet to write it. */
const connectError = '4'

const problemOf = ({ closing: { refusalKind }, ...more }: CloseOptions): Problem =>
  refusalKind(undefined, more).toProblem(randomUUID())
