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

export const tooManyChannels = refusal('too_many_channels', 409, 'Too many channels on this connection')

/** Reads the current state of a channel: counter values and presence. */
export type StateOf = (channel: string) => Promise<StreamState>

interface FollowRequest {
  channel: string
  after?: Position
}

export interface FollowTools {
  hub: Hub
  stateOf: StateOf
  /** Charges the follow rate limit for the channels of one call beyond the first. @throws `too_many_requests` */
  spend: (socket: Socket, follows: number) => void
}

/** The calls `channel.follow {channel, after?}`, `channel.followAll {channels}` and `channel.unfollow {channel}`. */
export function followCalls(engine: Engine, { hub, stateOf, spend }: FollowTools): [string, SocketCall][] {
  const followOne = (...request: Parameters<typeof tryToFollow>): Promise<CatchUp> =>
    tryToFollow(...request).catch((error: unknown) => {
      engine.world.metrics.followsRefused.inc({ code: toRefusal(error).kind.code })
      throw error
    })

  async function tryToFollow(
    socket: Socket,
    request: FollowRequest,
    requestId: string,
    bytesMax: number,
  ): Promise<CatchUp> {
    const { actor } = callerOf(socket)
    await authorise(engine, request.channel, actor, requestId)
    const isNew = !socket.rooms.has(request.channel)
    // Check the limit after the await: concurrent requests would all pass it before the first one joins.
    if (isNew && channelsOf(socket).length >= channelsPerSocketMax) throw tooManyChannels()
    // Join the room before reading the log, so that no event is missed; duplicates are recognized by their offset.
    await socket.join(request.channel)
    try {
      const caughtUp = await catchUp(request, bytesMax)
      // Authorize again: an access re-check that ran before the join did not see this socket.
      await authorise(engine, request.channel, actor, requestId)
      return caughtUp
    } catch (error) {
      if (isNew) await socket.leave(request.channel)
      throw error
    }
  }

  async function catchUp({ channel, after }: FollowRequest, bytesMax: number): Promise<CatchUp> {
    const subscription = await hub.hold(channel)
    try {
      const [caughtUp, state] = await Promise.all([hub.catchUp(channel, after, bytesMax), stateOf(channel)])
      return { ...caughtUp, state }
    } finally {
      subscription.release()
    }
  }

  const follow: SocketCall = async ({ input }, _caller, socket, requestId) => ({
    data: await followOne(socket, parse(followWish, input), requestId, caughtBytesMax),
  })

  const followAll: SocketCall = async ({ input }, _caller, socket, requestId) => {
    const { channels } = parse(followAllWish, input)
    spend(socket, Math.max(channels.length - 1, 0))
    // All channels share the byte limit of one response: a larger one could make the socket exceed its backlog limit.
    const bytesMax = caughtBytesMax / channels.length
    const followed = channels.map(request =>
      followOne(socket, request, requestId, bytesMax).then(
        data => ({ data }),
        (error: unknown) => ({ error: engine.refuse(error, requestId, 'channel.followAll').toProblem(requestId) }),
      ),
    )
    return { data: { followed: await Promise.all(followed) } }
  }

  const unfollow: SocketCall = async ({ input }, _caller, socket) => {
    const { channel } = parse(unfollowWish, input)
    await socket.leave(channel)
    return { data: { channel } }
  }
  return [
    ['channel.follow', follow],
    ['channel.followAll', followAll],
    ['channel.unfollow', unfollow],
  ]
}

/** Keeps a hub subscription for every Socket.IO room on this node that is a channel. */
export function holdRooms(world: Pick<World, 'log'>, io: Server, hub: Hub): void {
  const { adapter } = io.of('/')
  const subscriptions = new Map<string, Hold>()
  adapter.on('create-room', (room: string) => {
    if (isChannel(room)) subscriptions.set(room, keepHeld(world, hub, room))
  })
  adapter.on('delete-room', (room: string) => {
    subscriptions.get(room)?.release()
    subscriptions.delete(room)
  })
}

const isChannel = (room: string): boolean => room.includes(':')

/** Lists the channels that a socket follows. */
export const channelsOf = (socket: Socket): string[] => [...socket.rooms].filter(isChannel)
