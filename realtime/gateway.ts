import { type Server as HttpServer, type IncomingMessage } from 'node:http'
import helmet from 'helmet'
import { Server, type Socket } from 'socket.io'
import { type Engine } from '../kernel/engine'
import { securityHeaders } from '../kernel/security-headers'
import { crossNodeAdapter } from './adapter'
import { followCalls } from './channels'
import { operationCalls } from './calls'
import { answerCalls } from './dispatch'
import { admitSocket, closeWhenExpired, refuseSecondConnect } from './handshake'

export const frameBytesMax = 32 * 1024
const handshakeTimeoutMs = 8_000

export interface Gateway extends AsyncDisposable {
  io: Server
}

/** The Socket.IO door: who is admitted, what they may call, which channels they follow. */
export function openGateway(http: HttpServer, engine: Engine): Gateway {
  const { world } = engine
  const io = new Server(http, {
    adapter: crossNodeAdapter(world),
    cors: { origin: [...world.config.allowedOrigins], credentials: false },
    allowRequest: (request, decide) => decide(null, mayConnect(request, world.config.allowedOrigins)),
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: frameBytesMax,
    connectTimeout: handshakeTimeoutMs,
    upgradeTimeout: handshakeTimeoutMs,
  })
  io.engine.use(helmet(securityHeaders))
  io.use(refuseSecondConnect())
  io.use(admitSocket(engine))
  const underWay = new Set<Promise<void>>()
  const calls = new Map([...operationCalls(engine), ...followCalls(engine)])
  io.on('connection', (socket: Socket) => {
    answerCalls(engine, socket, calls, underWay)
    closeWhenExpired(engine, socket)
    world.metrics.sockets.inc()
    socket.once('disconnect', () => world.metrics.sockets.dec())
  })
  return {
    io,
    [Symbol.asyncDispose]: async () => {
      // What was begun is answered: else it would be done, and the caller not know.
      await Promise.all(underWay)
      // Not `disconnectSockets`: a client told to leave does not come back by itself, one whose transport closed does.
      await io.close()
    },
  }
}

/** A browser says where its page is from; programs do not, and carry no ambient rights that could be borrowed. */
function mayConnect(request: IncomingMessage, allowed: readonly string[]): boolean {
  const { origin } = request.headers
  return origin === undefined || allowed.includes(origin)
}
