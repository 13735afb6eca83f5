import { randomUUID } from 'node:crypto'
import { type Socket } from 'socket.io'
import { type CloseReason } from '../../kernel/events/close-reasons'
import { type RefusalExtras } from '../../kernel/pipeline/refusals'
import { type AppContext } from '../../kernel/platform/app-context'
import { closeTransport } from '../connection/close-transport'

/**
 * Sends `connection.closed` with the reason and disconnects the socket. It has left all rooms when this returns, so nothing is delivered
 * afterwards. A client does not reconnect by itself, unlike after a mere transport close.
 */
export function disconnectSocket(
  { metrics }: Pick<AppContext, 'metrics'>,
  socket: Socket,
  { refusalKind }: CloseReason,
  more: RefusalExtras = {},
): void {
  if (!socket.connected) return
  const { conn } = socket
  socket.emit('connection.closed', refusalKind(undefined, more).toProblem(randomUUID()))
  socket.disconnect(true)
  metrics.connectionsClosed.inc({ code: refusalKind.code })
  // Bound the time in which a slow client can still read its send queue.
  closeTransport(conn)
}
