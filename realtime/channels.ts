import { type Server, type Socket } from 'socket.io'
import { type Engine } from '../kernel/engine'
import { toRefusal } from '../kernel/faults'
import { refusal } from '../kernel/refusals'
import { channelsPerSocketMax, followAllWish, followWish, unfollowWish } from '../kernel/protocol'
import { parse } from '../kernel/schema'
import { type CatchUp, type Position, type StreamState } from '../kernel/stream'
import { type World } from '../kernel/world'
import { callerOf, type SocketCall } from './dispatch'
import { type Hold, type Hub } from './log/hub'
import { caughtBytesMax } from './log/catch-up'
import { keepHeld } from './log/keep-held'
import { authorise } from './rights'

export const tooManyChannels = refusal('too_many_channels', 409, 'This socket follows as many channels as it may')

/** What a channel holds besides events, as it is now. */
export type StateOf = (channel: string) => Promise<StreamState>

interface Wish {
  channel: string
  after?: Position
}

export interface FollowTools {
  hub: Hub
  stateOf: StateOf
  /** Counts follows beyond the first that a call asks for. @throws `too_many_requests` */
  spend: (socket: Socket, follows: number) => void
}

/**
 * `channel.follow {channel, after?}`, `channel.followAll {channels}` and `channel.unfollow {channel}`: what a socket hears.
 */
export function followCalls(engine: Engine, { hub, stateOf, spend }: FollowTools): [string, SocketCall][] {
  const followOne = (...wish: Parameters<typeof tryToFollow>): Promise<CatchUp> =>
    tryToFollow(...wish).catch((error: unknown) => {
      engine.world.metrics.followsRefused.inc({ code: toRefusal(error).kind.code })
      throw error
    })

  async function tryToFollow(socket: Socket, wish: Wish, requestId: string, bytesMax: number): Promise<CatchUp> {
    const { actor } = callerOf(socket)
    await authorise(engine, wish.channel, actor, requestId)
    const isNew = !socket.rooms.has(wish.channel)
    // Counted only now: many wishes at once would all find room before the first is granted.
    if (isNew && channelsOf(socket).length >= channelsPerSocketMax) throw tooManyChannels()
    // First the room, then the log: what happens between the two is heard twice, which an offset shows, and not never.
    await socket.join(wish.channel)
    try {
      const caught = await catchUp(wish, bytesMax)
      // Who lost the right just before they were in the room was not found there when it was asked for again.
      await authorise(engine, wish.channel, actor, requestId)
      return caught
    } catch (error) {
      if (isNew) await socket.leave(wish.channel)
      throw error
    }
  }

  async function catchUp({ channel, after }: Wish, bytesMax: number): Promise<CatchUp> {
    const hold = await hub.hold(channel)
    try {
      const [caught, state] = await Promise.all([hub.catchUp(channel, after, bytesMax), stateOf(channel)])
      return { ...caught, state }
    } finally {
      hold.release()
    }
  }

  const follow: SocketCall = async ({ input }, _caller, socket, requestId) => ({
    data: await followOne(socket, parse(followWish, input), requestId, caughtBytesMax),
  })

  const followAll: SocketCall = async ({ input }, _caller, socket, requestId) => {
    const { channels } = parse(followAllWish, input)
    spend(socket, Math.max(channels.length - 1, 0))
    // They share what one answer may weigh: a follower that cannot take it at once would be closed as too slow.
    const bytesMax = caughtBytesMax / channels.length
    const followed = channels.map(wish =>
      followOne(socket, wish, requestId, bytesMax).then(
        data => ({ data }),
        (error: unknown) => ({ error: engine.refuse(error, requestId, 'channel.followAll').toProblem(requestId) }),
      ),
    )
    return { data: { followed: await Promise.all(followed) } }
  }

  const unfollow: SocketCall = async ({ input }, _caller, socket) => {
    const wish = parse(unfollowWish, input)
    await socket.leave(wish.channel)
    return { data: wish }
  }
  return [
    ['channel.follow', follow],
    ['channel.followAll', followAll],
    ['channel.unfollow', unfollow],
  ]
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
