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
/** Time limit for a client to complete the Socket.IO handshake. */
export const handshakeMaxMs = 8_000

export interface Gateway extends AsyncDisposable {
  io: Server
  hub: Hub
  sessions: Sessions
  /** Channel subscriptions over REST: long-poll and server-sent events. */
  streams: NodeStreams
  /** Refuses new sockets and moves the connected ones to other nodes; resolves when they are gone. */
  drain(): Promise<void>
}

/** The Socket.IO server: admission, authentication, calls and channel subscriptions. */
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
  const accessSubscription = keepHeld(world, hub, rightsChannel)
  const sessions = watchSessions(world, io)
  const state = openState(world, engine.product, io)
  const stateOf: StateOf = async channel => {
    const present = await presence.presenceOf(channel)
    return { ...(await state.stateOf(channel)), ...(present === undefined ? {} : { presence: { ...present } }) }
  }
  const streams = openStreams(engine, { hub, sessions, stateOf, listenState: state.listen })
  const revocationListener = hearRevocations(world, hub)
  const slow = watchSlowFollowers(world, io)
  slow.onDrained(presence.remind)
  slow.onDrained(state.remind)
  const callsInProgress: CallsUnderWay = new Map()
  const drain = prepareDrain(world, io, callsInProgress)
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
  const dispatchCalls = callAnswerer(engine, calls, callsInProgress, gate)
  const countDisconnect = (reason: string) => {
    world.metrics.sockets.dec()
    world.metrics.socketsLeft.inc({ reason })
  }
  io.on('connection', (socket: Socket) => {
    letGoOfHandshake(socket)
    dispatchCalls(socket)
    sessions.begin(socket)
    world.metrics.sockets.inc()
    socket.on('disconnect', countDisconnect)
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
      // Let calls in progress finish and answer, or the caller would not learn that its call took effect.
      await Promise.all(callsInProgress.keys())
      slow[Symbol.dispose]()
      admission[Symbol.dispose]()
      // Includes connections without an authenticated socket.
      for (const conn of Object.values(connectionsOf(io))) closeTransport(conn)
      // `io.close`, not `disconnectSockets`: socket.io-client reconnects after a transport close, not after a server disconnect.
      await io.close()
      await state[Symbol.asyncDispose]()
      await presence[Symbol.asyncDispose]()
      sessions[Symbol.dispose]()
      revocationListener[Symbol.dispose]()
      accessSubscription.release()
      await hub[Symbol.asyncDispose]()
    },
  }
}
