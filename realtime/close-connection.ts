import { randomUUID } from 'node:crypto'
import { type Socket } from 'socket.io'
import { type Closing } from '../kernel/closings'
import { type Problem, type RefusalMore } from '../kernel/refusals'
import { type World } from '../kernel/world'
import { closeTransport, type Connection } from './close-transport'

interface Why extends RefusalMore {
  closing: Closing
}

/** Says why with `session.closed`, and closes the transport. */
export function closeConnection({ metrics }: Pick<World, 'metrics'>, socket: Socket, why: Why): void {
  socket.emit('session.closed', problemOf(why))
  metrics.sessionsClosed.inc({ code: why.closing.kind.code })
  closeTransport(socket.conn)
}

/** The same where nobody is signed in, or it is no matter who: the client hears `connect_error` with the problem as its `data`. */
export function refuseConnection({ metrics }: Pick<World, 'metrics'>, conn: Connection, why: Why): void {
  const problem = problemOf(why)
  conn.write(`${connectError}${JSON.stringify({ message: problem.title, data: problem })}`)
  metrics.sessionsClosed.inc({ code: problem.code })
  closeTransport(conn)
}

/** CONNECT_ERROR as Socket.IO writes it: there is no socket yet that would. */
const connectError = '4'

const problemOf = ({ closing: { kind }, ...more }: Why): Problem => kind(undefined, more).toProblem(randomUUID())
