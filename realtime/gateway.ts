import { type Server as HttpServer } from 'node:http'
import helmet from 'helmet'
import { Server, type Socket } from 'socket.io'
import { type Engine } from '../kernel/engine'
import { rightsChannel } from '../kernel/event'
import { securityHeaders } from '../kernel/security-headers'
import { crossNodeAdapter } from './adapter'
import { guardAdmission } from './admission'
import { followCalls, holdRooms, type StateOf } from './channels'
import { operationCalls } from './calls'
import { closeTransport, connectionsOf } from './close-transport'
import { socketOutlet } from './deliver'
import { callAnswerer } from './dispatch'
import { type CallsUnderWay, prepareDrain } from './drain'
import { type CallGate, floodGate, limitPackets } from './flood'
import { admitSocket, oneConnectEach } from './handshake'
import { letGoOfHandshake } from './let-go-of-handshake'
import { type Hub, openHub } from './log/hub'
import { keepHeld } from './log/keep-held'
import { startPresence } from './presence/presence'
import { signalCalls } from './signals'
import { watchSlowFollowers } from './slow'
import { openState } from './state/open-state'
import { askRightsAgain } from './rights'
import { hearRevocations } from './session/hear-revocations'
import { refreshCalls } from './session/refresh-session'
import { type Sessions, watchSessions } from './session/watch-sessions'
import { type NodeStreams, openStreams } from './streams'

export const frameBytesMax = 32 * 1024
/** So long a client may take to say who it is. */
export const handshakeMaxMs = 8_000

export interface Gateway extends AsyncDisposable {
  io: Server
  hub: Hub
  sessions: Sessions
  /** Channels for those without a socket. */
  streams: NodeStreams
  /** Takes no new sockets, and sends those that are here to other nodes; resolves when they are gone. */
  drain(): Promise<void>
}

/** The Socket.IO door: who is admitted, what they may call, which channels they follow. */
export function openGateway(http: HttpServer, engine: Engine): Gateway {
  const { world } = engine
  const io = new Server(http, {
    adapter: crossNodeAdapter(world),
    cors: { origin: [...world.config.allowedOrigins], credentials: false },
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: frameBytesMax,
    connectTimeout: handshakeMaxMs,
    upgradeTimeout: handshakeMaxMs,
  })
  io.engine.use(helmet(securityHeaders))
  const admission = guardAdmission(world, io)
  oneConnectEach(world, io)
  io.use(admitSocket(engine))
  const presence = startPresence(engine, io)
  io.use(presence.seating.take)
  const hub: Hub = openHub(
    world,
    socketOutlet(engine, io, () => streams),
  )
  holdRooms(world, io, hub)
  const rightsKept = keepHeld(world, hub, rightsChannel)
  const sessions = watchSessions(world, io)
  const state = openState(world, engine.product, io)
  const stateOf: StateOf = async channel => {
    const present = await presence.presenceOf(channel)
    return { ...(await state.stateOf(channel)), ...(present === undefined ? {} : { presence: { ...present } }) }
  }
  const streams = openStreams(engine, { hub, sessions, stateOf, listenState: state.listen })
  const hearing = hearRevocations(world, hub)
  const slow = watchSlowFollowers(world, io)
  slow.onDrained(presence.remind)
  slow.onDrained(state.remind)
  const underWay: CallsUnderWay = new Map()
  const drain = prepareDrain(world, io, underWay)
  limitPackets(world, io)
  const flood = floodGate(world)
  const gate: CallGate = (socket, name) => {
    drain.gate(socket, name)
    flood(socket, name)
  }
  const calls = new Map([
    ...operationCalls(engine),
    ...followCalls(engine, { hub, stateOf, spend: (socket, follows) => flood(socket, 'channel.follow', follows) }),
    ...signalCalls(engine, io),
    ...refreshCalls(engine, ({ id: profileId }) => void askRightsAgain(engine, io, { profileId })),
  ])
  const answerCalls = callAnswerer(engine, calls, underWay, gate)
  const countLeft = (reason: string) => {
    world.metrics.sockets.dec()
    world.metrics.socketsLeft.inc({ reason })
  }
  io.on('connection', (socket: Socket) => {
    letGoOfHandshake(socket)
    answerCalls(socket)
    sessions.begin(socket)
    world.metrics.sockets.inc()
    socket.on('disconnect', countLeft)
  })
  return {
    io,
    hub,
    sessions,
    streams,
    async drain() {
      admission.closeDoor()
      presence.seating.vacate()
      const spreadMs = world.config.drainSeconds * 1_000
      await Promise.all([drain.moveAll(spreadMs), streams.moveAll(spreadMs)])
    },
    [Symbol.asyncDispose]: async () => {
      // What was begun is answered: else it would be done, and the caller not know.
      await Promise.all(underWay.keys())
      slow[Symbol.dispose]()
      admission[Symbol.dispose]()
      // Those that never signed in.
      for (const conn of Object.values(connectionsOf(io))) closeTransport(conn)
      // Not `disconnectSockets`: a client told to leave does not come back by itself, one whose transport closed does.
      await io.close()
      await state[Symbol.asyncDispose]()
      await presence[Symbol.asyncDispose]()
      sessions[Symbol.dispose]()
      hearing[Symbol.dispose]()
      rightsKept.release()
      await hub[Symbol.asyncDispose]()
    },
  }
}
