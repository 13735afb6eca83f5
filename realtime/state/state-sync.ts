import { type Server, type Socket } from 'socket.io'
import { type Registry } from '../../kernel/pipeline/registry'
import { type StateFrame, type ChannelState } from '../../kernel/events/frames'
import { type AppContext } from '../../kernel/platform/app-context'
import { startCounterFlusher } from './counter-flusher'
import { FollowedState } from './followed-state'
import { createStateStore } from './state-store'
import { startStateRepair } from './state-repair'

export interface StateSync extends AsyncDisposable {
  /** Reads the current values of a channel: from memory when followed on this node, else from Redis or PostgreSQL. */
  readonly readState: (channel: string) => Promise<ChannelState>
  /** Listens to the state frames of a channel, for subscriptions over REST. Returns a function that stops it. */
  readonly listen: (channel: string, listener: (frame: StateFrame) => void) => () => void
  /** Sends a recovered slow socket the current values of its channels. */
  readonly resend: (socket: Socket) => void
  /** Whether this node is the leader that applies counter changes. */
  readonly isLeader: boolean
}

/**
 * Publishes counter values, which change too often for an event each: followers get a value at most once per window, and always the
 * newest. One node applies pending changes; Redis pub/sub brings the values to the nodes with followers; a value lost by Redis is read
 * from PostgreSQL, in one query for all channels.
 */
export function startStateSync(app: AppContext, registry: Registry, io: Server): StateSync {
  const values = createStateStore(app, registry)
  const followed = new FollowedState(app, io, values)
  const repair = startStateRepair(app, values, followed)
  const flusher = startCounterFlusher(app, registry, values, (channel, key, value) =>
    followed.receive(channel, key, value),
  )
  return {
    readState: channel => followed.readState(channel),
    listen: (channel, listener) => followed.listen(channel, listener),
    resend: socket => followed.resend(socket),
    get isLeader() {
      return flusher.isLeader
    },
    [Symbol.asyncDispose]: async () => {
      await flusher[Symbol.asyncDispose]()
      await repair[Symbol.asyncDispose]()
      followed[Symbol.dispose]()
    },
  }
}
