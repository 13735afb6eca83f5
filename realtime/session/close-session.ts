import { randomUUID } from 'node:crypto'
import { type Socket } from 'socket.io'
import { type Closing } from '../../kernel/closings'
import { type RefusalMore } from '../../kernel/refusals'
import { type World } from '../../kernel/world'
import { closeTransport } from '../close-transport'

/**
 * Sends `session.closed` with the reason and disconnects the socket. It has left all rooms when this returns, so nothing is delivered
 * afterwards. A client does not reconnect by itself, unlike after a mere transport close.
 */
export function closeSession(
  { metrics }: Pick<World, 'metrics'>,
  socket: Socket,
  { kind }: Closing,
  more: RefusalMore = {},
): void {
  if (!socket.connected) return
  const { conn } = socket
  socket.emit('session.closed', kind(undefined, more).toProblem(randomUUID()))
  socket.disconnect(true)
  metrics.sessionsClosed.inc({ code: kind.code })
  // Bound the time in which a slow client can still read its send queue.
  closeTransport(conn)
}
