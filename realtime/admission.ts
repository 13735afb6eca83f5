import { randomInt, randomUUID } from 'node:crypto'
import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http'
import { type Duplex } from 'node:stream'
import { type Server } from 'socket.io'
import { type Problem, type Refusal, refusals } from '../kernel/refusals'
import { type World } from '../kernel/world'
import { connectionsOf } from './close-transport'
import { type EventLoopLag, watchEventLoopLag } from './event-loop-lag'

/** Connections that have not said yet who they are, or are being looked at. */
const handshakesMax = 2_000
/** Whoever is sent away comes back within this, each at a moment of their own. */
const comeBackSecondsMax = 5

export interface Admission extends Disposable {
  /** From now on whoever wants to connect is sent to another node. */
  closeDoor(): void
}

type Why = 'lag' | 'full' | 'crowd' | 'moving'

/**
 * Decides who may connect before anything is spent on it, WebSocket and long-polling alike: pages of other origins never may; a
 * node that is late, full or going away answers 503, and nginx asks another one. Who is connected notices nothing. Engine.IO
 * itself knows no way to refuse but 400 and 403, without a problem.
 */
export function guardAdmission(
  world: Pick<World, 'config' | 'metrics'>,
  io: Server,
  limits: { lag?: EventLoopLag; crowdMax?: number } = {},
): Admission {
  const { config, metrics } = world
  const { lag = watchEventLoopLag(metrics.eventLoopLag), crowdMax = handshakesMax } = limits
  let isMoving = false

  function whyNot(): Why | undefined {
    if (isMoving) return 'moving'
    const { clientsCount } = io.engine
    if (clientsCount >= config.socketsMax) return 'full'
    if (clientsCount - io.sockets.sockets.size >= crowdMax) return 'crowd'
    return lag.p99Ms() > config.admissionLagMs ? 'lag' : undefined
  }

  /** Undefined for who may go on. */
  function refusalOf(request: IncomingMessage): Refusal | undefined {
    if (!isFromOurs(request, config.allowedOrigins)) {
      metrics.handshakesRefused.inc({ why: 'origin' })
      return refusals.originNotAllowed()
    }
    const sid = sessionOf(request)
    // With 404 nginx asks the next node: after a node refused a handshake the session is with the one behind it.
    if (sid !== '') return Object.hasOwn(connectionsOf(io), sid) ? undefined : refusals.notFound(unknownSession)
    const why = whyNot()
    if (why === undefined) return undefined
    metrics.handshakesRefused.inc({ why })
    return why === 'moving' ? refusals.moving(undefined, soon(1)) : refusals.overloaded(undefined, soon())
  }

  io.engine.use((request: IncomingMessage, response: unknown, next: () => void) => {
    const refusal = refusalOf(request)
    if (refusal === undefined) next()
    else refuse(request, response, refusal)
  })
  return {
    closeDoor: () => (isMoving = true),
    [Symbol.dispose]: () => lag[Symbol.dispose](),
  }
}

/** A browser says where its page is from; programs do not, and carry no ambient rights that could be borrowed. */
const isFromOurs = ({ headers: { origin } }: IncomingMessage, ours: readonly string[]): boolean =>
  origin === undefined || ours.includes(origin)

const unknownSession = 'This session is not known here: connect anew.'

const soon = (seconds = comeBackSecondsMax) => ({ retryAfter: randomInt(1, seconds + 1) })

/** As the engine reads it: of several the last. */
const sessionOf = (request: IncomingMessage): string =>
  new URL(request.url ?? '/', 'http://node').searchParams.getAll('sid').at(-1) ?? ''

/** The request ends here: what would come next is never called. */
function refuse(request: IncomingMessage, response: unknown, refusal: Refusal): void {
  const problem = refusal.toProblem(randomUUID())
  const body = JSON.stringify(problem)
  if (response instanceof ServerResponse) response.writeHead(problem.status, headersOf(problem)).end(body)
  else refuseUpgrade(request.socket, problem, body)
}

/** Before an upgrade there is no response object, only the wire. */
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
