import { type Server as HttpServer } from 'node:http'
import helmet from 'helmet'
import { Server, type Socket } from 'socket.io'
import { type Pipeline } from '../kernel/pipeline/pipeline'
import { accessChannel } from '../kernel/events/event'
import { securityHeaders, withFixedHeaders } from '../kernel/pipeline/security-headers'
import { createSocketIoAdapter } from './socket-io-adapter'
import { guardAdmission } from './connection/guard-admission'
import { followCalls, subscribeRooms, type ReadChannelState } from './calls/follow-calls'
import { operationCalls } from './calls/operation-calls'
import { closeTransport, connectionsOf } from './connection/close-transport'
import { createSocketEventSink } from './socket-event-sink'
import { createCallDispatcher } from './calls/call-dispatcher'
import { type CallsInProgress, createDrain } from './connection/drain'
import { type CallGate, createCallRateLimit, limitPacketRate } from './connection/call-rate-limit'
import { authenticateSocket, limitConnectPackets } from './connection/authenticate-socket'
import { releaseHandshake } from './connection/release-handshake'
import { type Hub, openHub } from './log/hub'
import { keepSubscription } from './log/keep-subscription'
import { startPresenceTracker } from './presence/presence-tracker'
import { signalCalls } from './calls/signal-calls'
import { monitorSlowFollowers } from './connection/slow-followers'
import { startStateSync } from './state/state-sync'
import { recheckAccess } from './channel-access'
import { subscribeToRevocations } from './session/subscribe-to-revocations'
import { sessionCalls } from './calls/session-calls'
import { type SessionWatcher, watchSessions } from './session/session-watcher'
import { type NodeChannelStreams, createChannelStreams } from './channel-streams'

export const frameBytesMax = 32 * 1024
/** Time limit for a client to complete the Socket.IO handshake. */
export const handshakeTimeoutMs = 8_000

export interface Gateway extends AsyncDisposable {
  io: Server
  hub: Hub
  sessions: SessionWatcher
  /** Channel subscriptions over REST: long-poll and server-sent events. */
  channelStreams: NodeChannelStreams
  /** Refuses new sockets and moves the connected ones to other nodes; resolves when they are gone. */
  drain(): Promise<void>
}

/** The Socket.IO server: admission, authentication, calls and channel subscriptions. */
export function openGateway(http: HttpServer, pipeline: Pipeline): Gateway {
  const { app } = pipeline
  const io = new Server(http, {
    adapter: createSocketIoAdapter(app),
    cors: { origin: [...app.config.allowedOrigins], credentials: false },
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: frameBytesMax,
    connectTimeout: handshakeTimeoutMs,
    upgradeTimeout: handshakeTimeoutMs,
  })
  io.engine.use(withFixedHeaders(helmet(securityHeaders)))
  const admission = guardAdmission(app, io)
  limitConnectPackets(app, io)
  io.use(authenticateSocket(pipeline))
  const presence = startPresenceTracker(pipeline, io)
  io.use(presence.connectionQuota.acquire)
  const hub: Hub = openHub(
    app,
    createSocketEventSink(pipeline, io, () => streams),
  )
  subscribeRooms(app, io, hub)
  const accessSubscription = keepSubscription(app, hub, accessChannel)
  const sessions = watchSessions(app, io)
  const state = startStateSync(app, pipeline.registry, io)
  const stateOf: ReadChannelState = async channel => {
    const present = await presence.readPresence(channel)
    return { ...(await state.readState(channel)), ...(present === undefined ? {} : { presence: { ...present } }) }
  }
  const streams = createChannelStreams(pipeline, { hub, sessions, readState: stateOf, listenState: state.listen })
  const revocationListener = subscribeToRevocations(app, hub)
  const slow = monitorSlowFollowers(app, io)
  slow.onRecovered(presence.resend)
  slow.onRecovered(state.resend)
  const callsInProgress: CallsInProgress = new Map()
  const drain = createDrain(app, io, callsInProgress)
  limitPacketRate(app, io)
  const flood = createCallRateLimit(app)
  const gate: CallGate = (socket, name) => {
    drain.gate(socket, name)
    flood(socket, name)
  }
  const calls = new Map([
    ...operationCalls(pipeline),
    ...followCalls(pipeline, {
      hub,
      readState: stateOf,
      chargeFollows: (socket, follows) => flood(socket, 'channel.follow', follows),
    }),
    ...signalCalls(pipeline, io),
    ...sessionCalls(pipeline, ({ id: profileId }) => void recheckAccess(pipeline, io, { profileId })),
  ])
  const dispatchCalls = createCallDispatcher(pipeline, calls, callsInProgress, gate)
  const countDisconnect = (reason: string) => {
    app.metrics.sockets.dec()
    app.metrics.socketDisconnects.inc({ reason })
  }
  io.on('connection', (socket: Socket) => {
    releaseHandshake(socket)
    dispatchCalls(socket)
    sessions.onConnected(socket)
    app.metrics.sockets.inc()
    socket.on('disconnect', countDisconnect)
  })
  return {
    io,
    hub,
    sessions,
    channelStreams: streams,
    async drain() {
      admission.refuseNewConnections()
      presence.connectionQuota.stopCounting()
      const spreadMs = app.config.drainSeconds * 1_000
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
