import { type Server, type Socket } from 'socket.io'
import { type Product } from '../../kernel/product'
import { type StateFrame, type StreamState } from '../../kernel/stream'
import { type World } from '../../kernel/world'
import { startFlusher } from './flusher'
import { Followed } from './followed'
import { createValues } from './values'
import { watchState } from './watch-state'

export interface State extends AsyncDisposable {
  /** The newest values of a channel: from memory when somebody here follows it, else from Redis or PostgreSQL. */
  readonly stateOf: (channel: string) => Promise<StreamState>
  /** Hears the frames that sockets get on a channel; for what follows it without one. Call what it answers to hear no more. */
  readonly listen: (channel: string, listener: (frame: StateFrame) => void) => () => void
  /** Tells a socket that was spared state while it was slow what is newest on its channels. */
  readonly remind: (socket: Socket) => void
  /** Whether this node settles changes at the moment. */
  readonly leads: boolean
}

/**
 * Values that change too often to tell every change of: each is told to the followers at most once a window, and the newest
 * always. One of the nodes settles what waits; Redis brings the values to the nodes that follow them; what Redis loses or
 * cannot carry is read from PostgreSQL, for all channels at once.
 */
export function openState(world: World, product: Product, io: Server): State {
  const values = createValues(world, product)
  const followed = new Followed(world, io, values)
  const watching = watchState(world, values, followed)
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
      await watching[Symbol.asyncDispose]()
      followed[Symbol.dispose]()
    },
  }
}
