import { type Server, type Socket } from 'socket.io'
import { type Pipeline } from '../../kernel/pipeline/pipeline'
import { toRefusal } from '../../kernel/pipeline/errors'
import { refusal } from '../../kernel/pipeline/refusals'
import { channelsPerSocketMax, followAllInput, followInput, unfollowInput } from '../../kernel/events/protocol'
import { parse } from '../../kernel/pipeline/schema'
import { type CatchUp, type ChannelState } from '../../kernel/events/frames'
import { type Position } from '../../kernel/events/position'
import { type AppContext } from '../../kernel/platform/app-context'
import { type CallHandler } from './call-dispatcher'
import { callerOf } from '../connection/socket-data'
import { followedChannels, isChannel } from '../followed-channels'
import { type Subscription, type Hub } from '../log/hub'
import { catchUpBytesMax } from '../log/catch-up'
import { keepSubscription } from '../log/keep-subscription'
import { authorizeChannels } from '../channel-access'

export const tooManyChannels = refusal('too_many_channels', 409, 'Too many channels on this connection')

/** Reads the current state of a channel: counter values and presence. */
export type ReadChannelState = (channel: string) => Promise<ChannelState>

interface FollowRequest {
  channel: string
  after?: Position
}

interface Followed {
  data?: CatchUp
  error?: unknown
}

export interface FollowCallsOptions {
  hub: Hub
  readState: ReadChannelState
  /** Charges the follow rate limit for the channels of one call beyond the first. @throws `too_many_requests` */
  chargeFollows: (socket: Socket, follows: number) => void
}

/** The calls `channel.follow {channel, after?}`, `channel.followAll {channels}` and `channel.unfollow {channel}`. */
export function followCalls(
  pipeline: Pipeline,
  { hub, readState, chargeFollows }: FollowCallsOptions,
): [string, CallHandler][] {
  /** Follows each channel independently of the others. Returns the outcomes in the order of the requests. */
  async function followEach(
    socket: Socket,
    requests: readonly FollowRequest[],
    requestId: string,
    bytesMax: number,
  ): Promise<Followed[]> {
    const { actor } = callerOf(socket)
    const channels = [...new Set(requests.map(({ channel }) => channel))]
    const refused = await authorizeChannels(pipeline, channels, actor, requestId)
    // Check the limit after the await: concurrent requests would all pass it before the first one joins.
    const joining = new Set<string>()
    let remaining = channelsPerSocketMax - followedChannels(socket).length
    for (const channel of channels) {
      if (refused.has(channel) || socket.rooms.has(channel)) continue
      if (remaining > 0) joining.add(channel)
      else refused.set(channel, tooManyChannels())
      remaining -= 1
    }
    // Join the rooms before reading the log, so that no event is missed; duplicates are recognized by their offset.
    await socket.join([...joining])
    const tryToCatchUp = async (request: FollowRequest): Promise<Followed> => {
      if (refused.has(request.channel)) return { error: refused.get(request.channel) }
      return catchUp(request, bytesMax).then(
        data => ({ data }),
        (error: unknown) => ({ error }),
      )
    }
    const caughtUp = await Promise.all(requests.map(tryToCatchUp))
    // Authorize again: an access re-check that ran before the join did not see this socket.
    const inRooms = channels.filter(channel => !refused.has(channel))
    for (const [channel, error] of await authorizeChannels(pipeline, inRooms, actor, requestId))
      refused.set(channel, error)
    const followed = requests.map(({ channel }, index) => {
      const outcome = caughtUp[index]
      return outcome === undefined || refused.has(channel) ? { error: refused.get(channel) } : outcome
    })
    for (const [index, { channel }] of requests.entries()) {
      const outcome = followed[index]
      if (outcome?.data !== undefined) continue
      pipeline.app.metrics.followsRefused.inc({ code: toRefusal(outcome?.error).kind.code })
      if (joining.has(channel)) await socket.leave(channel)
    }
    return followed
  }

  async function catchUp({ channel, after }: FollowRequest, bytesMax: number): Promise<CatchUp> {
    const subscription = await hub.subscribe(channel)
    try {
      const [caughtUp, state] = await Promise.all([hub.catchUp(channel, after, bytesMax), readState(channel)])
      return { ...caughtUp, state }
    } finally {
      subscription.release()
    }
  }

  const follow: CallHandler = async ({ input }, _caller, socket, requestId) => {
    const [followed] = await followEach(socket, [parse(followInput, input)], requestId, catchUpBytesMax)
    if (followed?.data === undefined) throw followed?.error
    return { data: followed.data }
  }

  const followAll: CallHandler = async ({ input }, _caller, socket, requestId) => {
    const { channels } = parse(followAllInput, input)
    chargeFollows(socket, Math.max(channels.length - 1, 0))
    // All channels share the byte limit of one response: a larger one could make the socket exceed its backlog limit.
    const bytesMax = catchUpBytesMax / channels.length
    const followed = await followEach(socket, channels, requestId, bytesMax)
    const toProblem = (error: unknown) =>
      pipeline.toLoggedRefusal(error, requestId, 'channel.followAll').toProblem(requestId)
    return {
      data: {
        followed: followed.map(({ data, error }) => (data === undefined ? { error: toProblem(error) } : { data })),
      },
    }
  }

  const unfollow: CallHandler = async ({ input }, _caller, socket) => {
    const { channel } = parse(unfollowInput, input)
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
export function subscribeRooms(app: Pick<AppContext, 'log'>, io: Server, hub: Hub): void {
  const { adapter } = io.of('/')
  const subscriptions = new Map<string, Subscription>()
  adapter.on('create-room', (room: string) => {
    if (isChannel(room)) subscriptions.set(room, keepSubscription(app, hub, room))
  })
  adapter.on('delete-room', (room: string) => {
    subscriptions.get(room)?.release()
    subscriptions.delete(room)
  })
}
