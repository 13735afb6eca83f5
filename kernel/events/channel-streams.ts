import { type Actor, type Identity } from '../pipeline/actor'
import { type Refusal } from '../pipeline/refusals'
import { type CatchUp, type StateFrame, type EventFrame } from './frames'
import { type Position } from './position'

/** Follows channels without a socket, for long polling and server-sent events. */
export interface ChannelStreams {
  /**
   * Follows a channel. Subscribes the listener before reading the log, so that no event is lost in between; frames may
   * therefore repeat events of `first`.
   * @throws `not_found`, `forbidden`, `invalid_input`, and `node_draining` while the node drains.
   */
  open(request: ChannelStreamRequest, listener: ChannelStreamListener): Promise<ChannelStream>
}

export interface ChannelStreamRequest {
  channel: string
  after?: Position | undefined
  actor: Actor
  identity: Identity
  requestId: string
}

/** Methods must not throw. */
export interface ChannelStreamListener {
  onFrame(frame: EventFrame): void
  onState(frame: StateFrame): void
  /** Access is lost or the token has expired. No other method is called afterwards. */
  onClosed(refusal: Refusal): void
  /** The epoch of the channel changed: positions are invalid and the caller must start over. */
  onEpochChanged(): void
  /** This node drains: the caller should reconnect to another. */
  onDraining(): void
}

export interface ChannelStream {
  readonly first: CatchUp
  /** Reads one page of events after a position. Only while the stream is open. */
  readAfter(after: Position): Promise<CatchUp>
  /** Idempotent. */
  close(): void
}
