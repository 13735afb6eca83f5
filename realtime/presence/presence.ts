import { type Server, type Socket } from 'socket.io'
import { type Engine } from '../../kernel/engine'
import { readChange } from '../../kernel/world/presence'
import { type Caller } from '../handshake'
import { slowRoom } from '../slow'
import { keepLease } from './lease'
import { countLocalMembers } from './local-members'
import { auditParts, keepRegistered } from './registrar'
import { type Seating, seatPeople } from './seats'
import { type Present, View } from './view'

/** Time that a follow waits until the follower itself is among the members of its answer. */
const selfVisibleMs = 300

export interface Presence extends AsyncDisposable {
  /** Reads the presence of a channel for the answer to a follow; undefined for a channel type without presence. */
  presenceOf(channel: string): Promise<Present | undefined>
  /** Sends a recovered slow socket the current revisions: a client that missed frames follows again. */
  readonly remind: (socket: Socket) => void
  readonly seating: Seating
}

/**
 * Tracks who is connected to the channels with presence, by all sockets of a person on all nodes, and sends followers `presence` frames
 * of the changes. Listens to the room events of the Socket.IO adapter, so that no other code has to report joins and leaves.
 */
export function startPresence(engine: Pick<Engine, 'world' | 'product'>, io: Server): Presence {
  const { world, product } = engine
  const { redis, presence, metrics } = world
  const kinds = new Set(product.channels.filter(type => type.presence === true).map(({ kind }) => kind))
  const hasPresence = (room: string) => kinds.has(room.slice(0, Math.max(room.indexOf(':'), 0)))
  const views = new Map<string, View>()
  const dropped = new Set<string>()
  let auditPart = 0

  const members = countLocalMembers(presence.times.graceMs, (channel, member, isHere) => {
    metrics.presenceMembers.inc(isHere ? 1 : -1)
    registrar.changed(channel, member, isHere)
  })
  const lease = keepLease(world, {
    begunAnew: () => {
      registrar.tellAll()
      seating.tellAll()
    },
    beat: () => {
      registrar.audit()
      seating.audit()
      auditViews()
    },
  })
  const registrar = keepRegistered(world, members, () => lease)
  const seating = seatPeople(world, lease)

  const { adapter } = io.of('/')
  adapter.on('create-room', (room: string) => {
    if (hasPresence(room)) openView(room)
  })
  adapter.on('join-room', (room: string, socketId: string) => {
    const socket = hasPresence(room) ? io.sockets.sockets.get(socketId) : undefined
    if (socket === undefined) return
    watch(socket)
    members.enter(room, profileIdOf(socket))
  })
  // On disconnect Socket.IO leaves the rooms before it removes the socket from `io.sockets`, so the socket is still found here.
  adapter.on('leave-room', (room: string, socketId: string) => {
    const socket = hasPresence(room) ? io.sockets.sockets.get(socketId) : undefined
    if (socket !== undefined) members.exit(room, profileIdOf(socket), dropped.has(socketId) ? 'dropped' : 'left')
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
    const { windowMs, leaseMs } = presence.times
    const view = new View({
      channel,
      windowMs,
      settleMs: leaseMs,
      read: () => presence.read(channel),
      local: () => members.of(channel),
      say: frame => io.local.to(channel).except(slowRoom).emit('presence', frame),
    })
    views.set(channel, view)
    subscribe([channel])
  }

  function closeView(channel: string): void {
    views.get(channel)?.close()
    views.delete(channel)
    redis.subscriber.unsubscribe(presence.topic(channel)).catch(() => undefined)
  }

  /** Subscribes before reading, so that no change is missed; a change seen twice is dropped by its revision. */
  function subscribe(channels: readonly string[]): void {
    if (channels.length === 0) return
    const readAll = () => {
      for (const channel of channels) void views.get(channel)?.readAnew()
    }
    redis.subscriber.subscribe(...channels.map(presence.topic)).then(readAll, () => undefined)
  }

  /** Re-reads one in `auditParts` channels, to find a lost message that no later one has revealed. */
  function auditViews(): void {
    auditPart = (auditPart + 1) % auditParts
    for (const [index, view] of [...views.values()].entries())
      if (view.isStale || index % auditParts === auditPart) void view.readAnew()
  }

  const topicPrefix = presence.topic('')
  const onMessage = (topic: string, message: string) => {
    const change = topic.startsWith(topicPrefix) ? readChange(message) : undefined
    if (change !== undefined) views.get(topic.slice(topicPrefix.length))?.hear(change)
  }
  const onReady = () => subscribe([...views.keys()])
  redis.subscriber.on('message', onMessage)
  redis.subscriber.on('ready', onReady)

  return {
    seating,

    async presenceOf(channel) {
      if (!hasPresence(channel)) return undefined
      const view = views.get(channel)
      if (view === undefined) return presence.read(channel).catch(() => undefined)
      const rev = await registrar.told(channel)
      if (redis.subscriber.status === 'ready') await view.reach(rev ?? 0, selfVisibleMs)
      return view.show()
    },

    remind(socket) {
      for (const channel of socket.rooms) {
        const view = views.get(channel)
        if (view === undefined) continue
        const { rev, count } = view.show()
        socket.emit('presence', { channel, rev, after: rev, count, joined: [], left: [] })
      }
    },

    [Symbol.asyncDispose]: async () => {
      redis.subscriber.off('message', onMessage)
      redis.subscriber.off('ready', onReady)
      for (const channel of [...views.keys()]) closeView(channel)
      members.close()
      await lease[Symbol.asyncDispose]()
    },
  }
}

const profileIdOf = (socket: Socket): string => (socket.data as Caller).actor.id
