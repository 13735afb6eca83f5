import { randomUUID } from 'node:crypto'
import { type Socket } from 'socket.io'
import { type CloseReason } from '../../kernel/events/close-reasons'
import { type RefusalExtras } from '../../kernel/pipeline/refusals'
import { type AppContext } from '../../kernel/platform/app-context'
import { closeTransport, type Connection } from './close-transport'

/**
 * Sends `connection.closed` with the reason and closes the connection. A reason that `disconnects` also disconnects the socket:
 * it has left all rooms when this returns, and a plain socket.io-client does not reconnect by itself.
 */
export function closeConnection(
  { metrics }: Pick<AppContext, 'metrics'>,
  socket: Socket,
  { refusalKind, disconnects }: CloseReason,
  more: RefusalExtras = {},
): void {
  if (!socket.connected) return
  // `disconnect` may drop it from the socket.
  const { conn } = socket
  socket.emit('connection.closed', refusalKind(undefined, more).toProblem(randomUUID()))
  if (disconnects) socket.disconnect(true)
  metrics.connectionsClosed.inc({ code: refusalKind.code })
  // Bounds the time in which a slow client can still read its send queue.
  closeTransport(conn)
}

/** The same for a connection without an authenticated socket: the client gets `connect_error` with the problem as `data`. */
export function refuseConnection(
  { metrics }: Pick<AppContext, 'metrics'>,
  conn: Connection,
  { refusalKind }: CloseReason,
  more: RefusalExtras = {},
): void {
  const data = refusalKind(undefined, more).toProblem(randomUUID())
  conn.write(`${connectErrorPacket}${JSON.stringify({ message: data.title, data })}`)
  metrics.connectionsClosed.inc({ code: data.code })
  closeTransport(conn)
}

/** The CONNECT_ERROR packet type, written by hand: there is no Socket.IO socket yet to write it. */
const connectErrorPacket = '4'
