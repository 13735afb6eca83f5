import { type Server, type Socket } from 'socket.io'
import { type Engine } from '../kernel/engine'
import { refusal } from '../kernel/refusals'
import { followWish, unfollowWish } from '../kernel/protocol'
import { parse } from '../kernel/schema'
import { type CatchUp, type Position, type StreamState } from '../kernel/stream'
import { type World } from '../kernel/world'
import { type SocketCall } from './dispatch'
import { type Hold, type Hub } from './log/hub'
import { keepHeld } from './log/keep-held'
import { authorise } from './rights'

export const channelsPerSocketMax = 100

export const tooManyChannels = refusal('too_many_channels', 409, 'This socket follows as many channels as it may')

/** What a channel holds besides events, as it is now. */
export type StateOf = (channel: string) => Promise<StreamState>

/** `channel.follow {channel, after?}` and `channel.unfollow {channel}`: what a socket hears. */
export function followCalls(engine: Engine, hub: Hub, stateOf: StateOf): [string, SocketCall][] {
  const follow: SocketCall = async ({ input }, { actor }, socket, requestId) => {
    const wish = parse(followWish, input)
    await authorise(engine, wish.channel, actor, requestId)
    const isNew = !socket.rooms.has(wish.channel)
    // Counted only now: many wishes at once would all find room before the first is granted.
    if (isNew && channelsOf(socket).length >= channelsPerSocketMax) throw tooManyChannels()
    // First the room, then the log: what happens between the two is heard twice, which an offset shows, and not never.
    await socket.join(wish.channel)
    try {
      return { data: await catchUp(hub, stateOf, wish) }
    } catch (error) {
      if (isNew) await socket.leave(wish.channel)
      throw error
    }
  }
  const unfollow: SocketCall = async ({ input }, _caller, socket) => {
    const wish = parse(unfollowWish, input)
    await socket.leave(wish.channel)
    return { data: wish }
  }
  return [
    ['channel.follow', follow],
    ['channel.unfollow', unfollow],
  ]
}

async function catchUp(
  hub: Hub,
  stateOf: StateOf,
  { channel, after }: { channel: string; after?: Position },
): Promise<CatchUp> {
  const hold = await hub.hold(channel)
  try {
    const [caught, state] = await Promise.all([hub.catchUp(channel, after), stateOf(channel)])
    return { ...caught, state }
  } finally {
    hold.release()
  }
}

/** Keeps the channels live that sockets of this node follow: a room that begins begins to be held, one that ends ends. */
export function holdRooms(world: Pick<World, 'log'>, io: Server, hub: Hub): void {
  const { adapter } = io.of('/')
  const holds = new Map<string, Hold>()
  adapter.on('create-room', (room: string) => {
    if (isChannel(room)) holds.set(room, keepHeld(world, hub, room))
  })
  adapter.on('delete-room', (room: string) => {
    holds.get(room)?.release()
    holds.delete(room)
  })
}

const isChannel = (room: string): boolean => room.includes(':')

/** The channels that a socket follows. */
export const channelsOf = (socket: Socket): string[] => [...socket.rooms].filter(isChannel)
