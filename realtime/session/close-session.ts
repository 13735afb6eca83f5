import { randomUUID } from 'node:crypto'
import { type Socket } from 'socket.io'
import { type Closing } from '../../kernel/closings'
import { type RefusalMore } from '../../kernel/refusals'
import { type World } from '../../kernel/world'
import { closeTransport } from '../close-transport'

/**
 * Says why with `session.closed` and ends the connection for good. Nothing can reach the socket after: it has left its
 * rooms when this returns. The client does not come back by itself, as it does when only its transport closes.
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
  // A client that reads slowly must not get afterwards, for long, what was sent to it before.
  closeTransport(conn)
}
