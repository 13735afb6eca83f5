import { randomUUID } from 'node:crypto'
import { type ExtendedError, type Server, type Socket } from 'socket.io'
import { type Actor } from '../kernel/actor'
import { agentOf } from '../kernel/agent'
import { type Engine } from '../kernel/engine'
import { type Refusal, refusals } from '../kernel/refusals'
import { type World } from '../kernel/world'
import { type Connection } from './close-transport'
import { closeFlooding } from './flood'

/** What a socket is known by, once it is admitted. */
export interface Caller {
  actor: Actor
  address: string
  agent: string | null
  /** Of the token that holds at present: epoch milliseconds. */
  issuedAt: number
  expiresAt: number
  /** The expiry that it was warned of. */
  warnedOf: number
}

type Middleware = (socket: Socket, next: (error?: ExtendedError) => void) => void

/**
 * Admits a socket by the token in its `auth` payload, and makes the profile of a subject that comes for the first time.
 * A token in the query would land in logs and is not looked at.
 */
export function admitSocket(engine: Engine): Middleware {
  return (socket, next) => {
    const requestId = randomUUID()
    admit(engine, socket).then(
      () => next(),
      (error: unknown) => {
        const refusal = engine.refuse(error, requestId, 'handshake')
        engine.world.metrics.handshakesRefused.inc({ why: refusal.kind.code })
        next(asConnectError(refusal, requestId))
      },
    )
  }
}

async function admit(engine: Engine, socket: Socket): Promise<void> {
  const auth: unknown = socket.handshake.auth
  const token = typeof auth === 'object' && auth !== null && 'token' in auth ? auth.token : undefined
  if (token === undefined) throw refusals.notSignedIn()
  if (typeof token !== 'string') throw refusals.tokenInvalid()
  const address = addressOf(socket, engine.world.config.trustedProxies)
  const { actor, identity } = await engine.admit(token, address)
  const { issuedAt, expiresAt } = identity
  const agent = agentOf(socket.handshake.headers['user-agent'])
  const caller: Caller = { actor, address, agent, issuedAt, expiresAt, warnedOf: 0 }
  Object.assign(socket.data, caller)
}

/**
 * One transport carries one socket: a thousand CONNECT packets would otherwise be a thousand sockets. Those that end without
 * one, by themselves or since they took too long, are counted.
 */
export function oneConnectEach(world: Pick<World, 'metrics' | 'log'>, io: Server): void {
  const connecting = new WeakSet<Connection>()
  const onSilentEnd = () => world.metrics.handshakesRefused.inc({ why: 'silent' })
  function onPacket(this: Connection, { type, data }: { type: string; data?: unknown }): void {
    if (type !== 'message' || typeof data !== 'string' || !data.startsWith(connectPacket)) return
    if (connecting.has(this)) closeFlooding(world, this)
    connecting.add(this)
    this.off('close', onSilentEnd)
  }
  io.engine.on('connection', (conn: Connection) => conn.on('close', onSilentEnd).on('packet', onPacket))
}

/** As Socket.IO writes it. */
const connectPacket = '0'

function asConnectError(refusal: Refusal, requestId: string): ExtendedError {
  const error: ExtendedError = new Error(refusal.kind.title)
  error.data = refusal.toProblem(requestId)
  return error
}

/** The address as the outermost trusted proxy saw it; what a client writes itself is never believed. */
function addressOf(socket: Socket, trustedProxies: number): string {
  const forwarded = socket.handshake.headers['x-forwarded-for']
  const hops = typeof forwarded === 'string' ? forwarded.split(',').map(hop => hop.trim()) : []
  return hops.at(-trustedProxies) !== undefined && trustedProxies > 0
    ? (hops.at(-trustedProxies) ?? '')
    : socket.handshake.address
}
