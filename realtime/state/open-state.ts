import { type Server, type Socket } from 'socket.io'
import { type Product } from '../../kernel/product'
import { type StateFrame, type StreamState } from '../../kernel/stream'
import { type World } from '../../kernel/world'
import { startFlusher } from './flusher'
import { Followed } from './followed'
import { createValues } from './values'
import { watchState } from './watch-state'

export interface State extends AsyncDisposable {
  /** Reads the current values of a channel: from memory when followed on this node, else from Redis or PostgreSQL. */
  readonly stateOf: (channel: string) => Promise<StreamState>
  /** Listens to the state frames of a channel, for subscriptions over REST. Returns a function that stops it. */
  readonly listen: (channel: string, listener: (frame: StateFrame) => void) => () => void
  /** Sends a recovered slow socket the current values of its channels. */
  readonly remind: (socket: Socket) => void
  /** Whether this node is the leader that applies counter changes. */
  readonly leads: boolean
}

/**
 * Publishes counter values, which change too often for an event each: followers get a value at most once per window, and always the
 * newest. One node applies pending changes; Redis pub/sub brings the values to the nodes with followers; a value lost by Redis is read
 * from PostgreSQL, in one query for all channels.
 */
export function openState(world: World, product: Product, io: Server): State {
  const values = createValues(world, product)
  const followed = new Followed(world, io, values)
  const repair = watchState(world, values, followed)
  const flusher = startFlusher(world, product, values, (channel, key, value) => followed.hear(channel, key, value))
  return {
    stateOf: channel => followed.stateOf(channel),
    listen: (channel, listener) => followed.listen(channel, listener),
    remind: socket => followed.remind(socket),
    get leads() {
      return flusher.leads
    },
    [Symbol.asyncDispose]: async () => {
      await flusher[Symbol.asyncDispose]()
      await repair[Symbol.asyncDispose]()
      followed[Symbol.dispose]()
    },
  }
}
