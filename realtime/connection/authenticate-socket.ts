import { randomUUID } from 'node:crypto'
import { type ExtendedError, type Server, type Socket } from 'socket.io'
import { truncateUserAgent } from '../../kernel/pipeline/user-agent'
import { type Pipeline } from '../../kernel/pipeline/pipeline'
import { refusals } from '../../kernel/pipeline/refusals'
import { type AppContext } from '../../kernel/platform/app-context'
import { type Connection } from './close-transport'
import { closeFloodingConnection } from './call-rate-limit'
import { connectError } from './connect-error'
import { type SocketData } from './socket-data'

type Middleware = (socket: Socket, next: (error?: ExtendedError) => void) => void

/**
 * Authenticates a socket by the token in its `auth` payload, and creates the profile of a new subject.
 * Ignores a token in the query string: it would end up in access logs.
 */
export function authenticateSocket(pipeline: Pipeline): Middleware {
  return (socket, next) => {
    const requestId = randomUUID()
    admit(pipeline, socket).then(
      () => next(),
      (error: unknown) => {
        const refusal = pipeline.toLoggedRefusal(error, requestId, 'handshake')
        pipeline.app.metrics.handshakesRefused.inc({ reason: refusal.kind.code })
        next(connectError(refusal, requestId))
      },
    )
  }
}

async function admit(pipeline: Pipeline, socket: Socket): Promise<void> {
  const auth: unknown = socket.handshake.auth
  const token = typeof auth === 'object' && auth !== null && 'token' in auth ? auth.token : undefined
  if (token === undefined) throw refusals.notSignedIn()
  if (typeof token !== 'string') throw refusals.tokenInvalid()
  const ipAddress = addressOf(socket, pipeline.app.config.trustedProxies)
  const { actor, identity } = await pipeline.authenticate(token, ipAddress)
  const { issuedAt, expiresAt } = identity
  const userAgent = truncateUserAgent(socket.handshake.headers['user-agent'])
  const caller: SocketData = { actor, ipAddress, userAgent, issuedAt, expiresAt, warnedExpiresAt: 0 }
  Object.assign(socket.data, caller)
}

/**
 * Allows one CONNECT packet per connection: otherwise a thousand packets would open a thousand sockets. Counts connections that
 * close or time out before they send it.
 */
export function limitConnectPackets(app: Pick<AppContext, 'metrics' | 'log'>, io: Server): void {
  const hasConnected = new WeakSet<Connection>()
  const onClosedBeforeConnect = () => app.metrics.handshakesRefused.inc({ reason: 'no_connect' })
  function onPacket(this: Connection, { type, data }: { type: string; data?: unknown }): void {
    if (type !== 'message' || typeof data !== 'string' || !data.startsWith(connectPacket)) return
    if (hasConnected.has(this)) closeFloodingConnection(app, this)
    hasConnected.add(this)
    this.off('close', onClosedBeforeConnect)
  }
  io.engine.on('connection', (conn: Connection) => conn.on('close', onClosedBeforeConnect).on('packet', onPacket))
}

/** The CONNECT packet type of the Socket.IO protocol. */
const connectPacket = '0'

/** The client address as the outermost trusted proxy saw it; entries that the client wrote are ignored. */
function addressOf(socket: Socket, trustedProxies: number): string {
  const forwarded = socket.handshake.headers['x-forwarded-for']
  const hops = typeof forwarded === 'string' ? forwarded.split(',').map(hop => hop.trim()) : []
  return hops.at(-trustedProxies) !== undefined && trustedProxies > 0
    ? (hops.at(-trustedProxies) ?? '')
    : socket.handshake.address
}
