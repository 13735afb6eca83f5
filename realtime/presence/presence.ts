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

/** A follower waits so long at most to be told with itself among the members. */
const patienceMs = 300

export interface Presence extends AsyncDisposable {
  /** Who is on a channel that this node follows, for the answer to a follow; undefined for a kind without presence. */
  presenceOf(channel: string): Promise<Present | undefined>
  /** Shows a socket that was spared frames that it missed some: it follows again. */
  readonly remind: (socket: Socket) => void
  readonly seating: Seating
}

/**
 * Who is on the channels that have presence: people, by all their sockets on all nodes. It looks at the rooms themselves, so
 * that whoever joins, leaves or closes a socket has nothing to remember. Followers hear frames of what changed.
 */
export function startPresence(engine: Pick<Engine, 'world' | 'product'>, io: Server): Presence {
  const { world, product } = engine
  const { redis, presence, metrics } = world
  const kinds = new Set(product.channels.filter(type => type.presence === true).map(({ kind }) => kind))
  const hasPresence = (room: string) => kinds.has(room.slice(0, Math.max(room.indexOf(':'), 0)))
  const views = new Map<string, View>()
  const dropped = new Set<string>()
  let part = 0

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
    members.enter(room, memberBehind(socket))
  })
  // Whoever is closed leaves the rooms before the list of sockets.
  adapter.on('leave-room', (room: string, socketId: string) => {
    const socket = hasPresence(room) ? io.sockets.sockets.get(socketId) : undefined
    if (socket !== undefined) members.exit(room, memberBehind(socket), dropped.has(socketId) ? 'dropped' : 'left')
  })
  adapter.on('delete-room', (room: string) => {
    if (hasPresence(room)) closeView(room)
  })

  /** Who says goodbye is gone; of whom a connection is lost we expect that they come back. */
  function watch(socket: Socket): void {
    if (socket.listeners('disconnecting').includes(noteDropped)) return
    socket.on('disconnecting', noteDropped)
    socket.on('disconnect', forgetDropped)
  }

  // One function for all sockets, which the emitter calls on the socket: a closure for each would cost memory.
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
    listen([channel])
  }

  function closeView(channel: string): void {
    views.get(channel)?.close()
    views.delete(channel)
    redis.subscriber.unsubscribe(presence.topic(channel)).catch(() => undefined)
  }

  /** Listens first and reads after that: what comes between the two is heard twice, not never. */
  function listen(channels: readonly string[]): void {
    if (channels.length === 0) return
    const readAll = () => {
      for (const channel of channels) void views.get(channel)?.readAnew()
    }
    redis.subscriber.subscribe(...channels.map(presence.topic)).then(readAll, () => undefined)
  }

  /** A message that was lost shows with the next one; where there is none, here. */
  function auditViews(): void {
    part = (part + 1) % auditParts
    for (const [index, view] of [...views.values()].entries())
      if (view.isStale || index % auditParts === part) void view.readAnew()
  }

  const start = presence.topic('')
  const onMessage = (topic: string, message: string) => {
    const change = topic.startsWith(start) ? readChange(message) : undefined
    if (change !== undefined) views.get(topic.slice(start.length))?.hear(change)
  }
  const onReady = () => listen([...views.keys()])
  redis.subscriber.on('message', onMessage)
  redis.subscriber.on('ready', onReady)

  return {
    seating,

    async presenceOf(channel) {
      if (!hasPresence(channel)) return undefined
      const view = views.get(channel)
      if (view === undefined) return presence.read(channel).catch(() => undefined)
      const rev = await registrar.told(channel)
      if (redis.subscriber.status === 'ready') await view.reach(rev ?? 0, patienceMs)
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

const memberBehind = (socket: Socket): string => (socket.data as Caller).actor.id
