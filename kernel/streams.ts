import { type Actor, type Identity } from './actor'
import { type Refusal } from './refusals'
import { type CatchUp, type Position, type StateFrame, type StreamFrame } from './stream'

/** Follows channels without a socket, for long polling and server-sent events. */
export interface Streams {
  /**
   * Follows a channel. Subscribes the listener before reading the log, so that no event is lost in between; frames may
   * therefore repeat events of `first`.
   * @throws `not_found`, `forbidden`, `invalid_input`, and `moving` while the node drains.
   */
  open(request: StreamWish, listener: StreamEar): Promise<Stream>
}

export interface StreamWish {
  channel: string
  after?: Position | undefined
  actor: Actor
  identity: Identity
  requestId: string
}

/** Methods must not throw. */
export interface StreamEar {
  onFrame(frame: StreamFrame): void
  onState(frame: StateFrame): void
  /** Access is lost or the token has expired. No other method is called afterwards. */
  onClosed(refusal: Refusal): void
  /** The epoch of the channel changed: positions are invalid and the caller must start over. */
  onRestarted(): void
  /** This node drains: the caller should reconnect to another. */
  onMoving(): void
}

export interface Stream {
  readonly first: CatchUp
  /** Reads one page of events after a position. Only while the stream is open. */
  more(after: Position): Promise<CatchUp>
  /** Idempotent. */
  close(): void
}
