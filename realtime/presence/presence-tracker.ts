import { type Server, type Socket } from 'socket.io'
import { type PresenceFrame } from '../../kernel/events/protocol'
import { type Pipeline } from '../../kernel/pipeline/pipeline'
import { openTopics } from '../../kernel/platform/open-topics'
import { parsePresenceChange } from '../../kernel/platform/presence-store'
import { callerOf } from '../connection/socket-data'
import { slowRoom } from '../connection/slow-followers'
import { keepNodeLease } from './node-lease'
import { trackLocalMembers } from './local-members'
import { auditParts, createPresenceReporter } from './presence-reporter'
import { type ConnectionQuota, trackConnectionQuota } from '../connection/connection-quota'
import { type PresenceState, PresenceView } from './presence-view'

/** Time that a follow waits until the follower itself is among the members of its answer. */
const selfVisibleMs = 300

export interface PresenceTracker extends AsyncDisposable {
  /** Reads the presence of a channel for the answer to a follow; undefined for a channel type without presence. */
  readPresence(channel: string): Promise<PresenceState | undefined>
  /** Sends a recovered slow socket the current revisions: a client that missed frames follows again. */
  readonly resend: (socket: Socket) => void
  readonly connectionQuota: ConnectionQuota
}

/**
 * Tracks who is connected to the channels with presence, by all sockets of a person on all nodes, and sends followers `presence` frames
 * of the changes. Listens to the room events of the Socket.IO adapter, so that no other code has to report joins and leaves.
 */
export function startPresenceTracker(pipeline: Pick<Pipeline, 'app' | 'registry'>, io: Server): PresenceTracker {
  const { app, registry } = pipeline
  const { redis, presence, metrics } = app
  const kinds = new Set(registry.channels.filter(type => type.presence === true).map(({ kind }) => kind))
  const hasPresence = (room: string) => kinds.has(room.slice(0, Math.max(room.indexOf(':'), 0)))
  const views = new Map<string, PresenceView>()
  const dropped = new Set<string>()
  let auditPart = 0

  const members = trackLocalMembers(presence.timings.graceMs, (channel, member, isHere) => {
    metrics.presenceMembers.inc(isHere ? 1 : -1)
    reporter.memberChanged(channel, member, isHere)
  })
  const lease = keepNodeLease(app, {
    onNewNodeId: () => {
      reporter.reportAll()
      connectionQuota.reportAll()
    },
    onRenewed: () => {
      reporter.audit()
      connectionQuota.audit()
      auditViews()
    },
  })
  const reporter = createPresenceReporter(app, members, () => lease)
  const connectionQuota = trackConnectionQuota(app, lease)

  const { adapter } = io.of('/')
  adapter.on('create-room', (room: string) => {
    if (hasPresence(room)) openView(room)
  })
  adapter.on('join-room', (room: string, socketId: string) => {
    const socket = hasPresence(room) ? io.sockets.sockets.get(socketId) : undefined
    if (socket === undefined) return
    watch(socket)
    members.join(room, profileIdOf(socket))
  })
  // On disconnect Socket.IO leaves the rooms before it removes the socket from `io.sockets`, so the socket is still found here.
  adapter.on('leave-room', (room: string, socketId: string) => {
    const socket = hasPresence(room) ? io.sockets.sockets.get(socketId) : undefined
    if (socket !== undefined) members.leave(room, profileIdOf(socket), dropped.has(socketId) ? 'dropped' : 'left')
  })
  adapter.on('delete-room', (room: string) => {
    if (hasPresence(room)) closeView(room)
  })

  /** A client that disconnects itself has left; one whose connection is lost gets the grace period to reconnect. */
  function watch(socket: Socket): void {
    if (socket.listeners('disconnecting').includes(noteDropped)) return
    socket.on('disconnecting', noteDropped)
    socket.on('disconnect', forgetDropped)
  }

  // Share one listener among all sockets: a closure for each would cost memory.
  function noteDropped(this: Socket, reason: string): void {
    if (reason !== 'client namespace disconnect') dropped.add(this.id)
  }

  function forgetDropped(this: Socket): void {
    dropped.delete(this.id)
  }

  function openView(channel: string): void {
    const { windowMs, leaseMs } = presence.timings
    const view = new PresenceView({
      channel,
      windowMs,
      settleMs: leaseMs,
      read: () => presence.read(channel),
      localMembers: () => members.membersOf(channel),
      sendFrame: frame => io.local.to(channel).except(slowRoom).emit('presence', frame),
    })
    views.set(channel, view)
    subscribe([channel])
  }

  function closeView(channel: string): void {
    views.get(channel)?.close()
    views.delete(channel)
    topics.unsubscribe(channel)
  }

  /** Subscribes before reading, so that no change is missed; a change seen twice is dropped by its revision. */
  function subscribe(channels: readonly string[]): void {
    if (channels.length === 0) return
    const readAll = () => {
      for (const channel of channels) void views.get(channel)?.reload()
    }
    topics.subscribe(channels).then(readAll, () => undefined)
  }

  /** Re-reads one in `auditParts` channels, to find a lost message that no later one has revealed. */
  function auditViews(): void {
    auditPart = (auditPart + 1) % auditParts
    for (const [index, view] of [...views.values()].entries())
      if (view.isStale || index % auditParts === auditPart) void view.reload()
  }

  const topics = openTopics(redis, presence.topic(''), (channel, message) => {
    const change = parsePresenceChange(message)
    if (change !== undefined) views.get(channel)?.receive(change)
  })
  const onReady = () => subscribe([...views.keys()])
  redis.subscriber.on('ready', onReady)

  return {
    connectionQuota,

    async readPresence(channel) {
      if (!hasPresence(channel)) return undefined
      const view = views.get(channel)
      if (view === undefined) return presence.read(channel).catch(() => undefined)
      const rev = await reporter.reported(channel)
      if (redis.subscriber.status === 'ready') await view.waitForRevision(rev ?? 0, selfVisibleMs)
      return view.current()
    },

    resend(socket) {
      for (const channel of socket.rooms) {
        const view = views.get(channel)
        if (view === undefined) continue
        const { rev, count } = view.current()
        const frame: PresenceFrame = { channel, rev, previousRev: rev, count, joined: [], left: [] }
        socket.emit('presence', frame)
      }
    },

    [Symbol.asyncDispose]: async () => {
      redis.subscriber.off('ready', onReady)
      for (const channel of [...views.keys()]) closeView(channel)
      topics[Symbol.dispose]()
      members.close()
      await lease[Symbol.asyncDispose]()
    },
  }
}

const profileIdOf = (socket: Socket): string => callerOf(socket).actor.id
