import { randomInt, randomUUID } from 'node:crypto'
import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http'
import { type Duplex } from 'node:stream'
import { type Server } from 'socket.io'
import { drainingRefusal, type Problem, type Refusal, refusals } from '../../kernel/pipeline/refusals'
import { type AppContext } from '../../kernel/platform/app-context'
import { connectionsOf } from './close-transport'
import { type EventLoopLag, monitorEventLoopLag } from './event-loop-lag'

/** Limit of connections without an authenticated socket. */
const defaultHandshakesMax = 2_000
/** Upper bound of the random `Retry-After`, so that refused clients do not come back at the same moment. */
const retryAfterSecondsMax = 5

export interface AdmissionGuard extends Disposable {
  /** Answers every new connection with 503 from now on, so that nginx tries another node. */
  refuseNewConnections(): void
}

type Reason = 'event_loop_lag' | 'connection_limit' | 'handshake_limit' | 'draining'

/**
 * Refuses connections before any work is done for them, over WebSocket and long-polling: 403 for pages of other origins, 503 when the
 * event loop lags, the node is full or it drains; nginx then tries another node. Open connections are not affected. Engine.IO's
 * own `allowRequest` can only answer 400 and 403, without a problem object.
 */
export function guardAdmission(
  app: Pick<AppContext, 'config' | 'metrics'>,
  io: Server,
  limits: { lag?: EventLoopLag; handshakesMax?: number } = {},
): AdmissionGuard {
  const { config, metrics } = app
  const { lag = monitorEventLoopLag(metrics.eventLoopLag), handshakesMax = defaultHandshakesMax } = limits
  let isDraining = false

  function refusalReason(): Reason | undefined {
    if (isDraining) return 'draining'
    const { clientsCount } = io.engine
    if (clientsCount >= config.socketsMax) return 'connection_limit'
    if (clientsCount - io.sockets.sockets.size >= handshakesMax) return 'handshake_limit'
    return lag.p99Ms() > config.eventLoopLagMaxMs ? 'event_loop_lag' : undefined
  }

  /** Undefined when the request is admitted. */
  function refusalOf(request: IncomingMessage): Refusal | undefined {
    if (!isOriginAllowed(request, config.allowedOrigins)) {
      metrics.handshakesRefused.inc({ reason: 'origin' })
      return refusals.originNotAllowed()
    }
    const sid = connectionIdOf(request)
    // nginx retries a 404 on the next node, which has the connection when this node refused its handshake.
    if (sid !== '') return Object.hasOwn(connectionsOf(io), sid) ? undefined : refusals.notFound(unknownConnection)
    const reason = refusalReason()
    if (reason === undefined) return undefined
    metrics.handshakesRefused.inc({ reason })
    return reason === 'draining'
      ? drainingRefusal()
      : refusals.overloaded(undefined, { retryAfter: randomRetryAfter() })
  }

  io.engine.use((request: IncomingMessage, response: unknown, next: () => void) => {
    const refusal = refusalOf(request)
    if (refusal === undefined) next()
    else refuse(request, response, refusal)
  })
  return {
    refuseNewConnections: () => (isDraining = true),
    [Symbol.dispose]: () => lag[Symbol.dispose](),
  }
}

/** Requests without `Origin` are allowed: browsers always send it, and other programs send no ambient credentials. */
const isOriginAllowed = ({ headers: { origin } }: IncomingMessage, allowedOrigins: readonly string[]): boolean =>
  origin === undefined || allowedOrigins.includes(origin)

const unknownConnection = 'This node does not know the connection: connect again.'

const randomRetryAfter = (): number => randomInt(1, retryAfterSecondsMax + 1)

/** The last `sid` parameter, as Engine.IO reads it. */
const connectionIdOf = (request: IncomingMessage): string =>
  new URL(request.url ?? '/', 'http://node').searchParams.getAll('sid').at(-1) ?? ''

/** Answers the request; `next` is not called, so Engine.IO never sees it. */
function refuse(request: IncomingMessage, response: unknown, refusal: Refusal): void {
  const problem = refusal.toProblem(randomUUID())
  const body = JSON.stringify(problem)
  if (response instanceof ServerResponse) response.writeHead(problem.status, headersOf(problem)).end(body)
  else refuseUpgrade(request.socket, problem, body)
}

/** Writes the response to the TCP socket: an upgrade request has no response object. */
function refuseUpgrade(wire: Duplex, problem: Problem, body: string): void {
  const headers = { ...headersOf(problem), Connection: 'close', 'Content-Length': Buffer.byteLength(body) }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  wire.once('error', () => undefined)
  wire.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n${lines.join('')}\r\n${body}`, () =>
    wire.destroy(),
  )
}

const headersOf = ({ retryAfter }: Problem): Record<string, string> => ({
  'Content-Type': 'application/problem+json',
  'Cache-Control': 'no-store',
  ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
})
