import { type Actor, type Identity } from './actor'
import { type Refusal } from './refusals'
import { type CatchUp, type Position, type StateFrame, type StreamFrame } from './stream'

/** Channels for a door without sockets: what `channel.follow` is to a socket, this is to long-polls and server-sent events. */
export interface Streams {
  /**
   * Lets a caller follow a channel. The ear hears it from before the log is read, so that nothing falls between the two;
   * what is heard may therefore repeat what `first` holds.
   * @throws `not_found`, `forbidden`, `invalid_input`, and `unavailable` while the node is going away.
   */
  open(wish: StreamWish, ear: StreamEar): Promise<Stream>
}

export interface StreamWish {
  channel: string
  after?: Position | undefined
  actor: Actor
  identity: Identity
  requestId: string
}

/** None of these may throw. */
export interface StreamEar {
  onFrame(frame: StreamFrame): void
  onState(frame: StateFrame): void
  /** The caller may follow it no longer: nothing is heard after it. */
  onClosed(refusal: Refusal): void
  /** Places of the channel mean nothing any more: the caller must begin anew. */
  onRestarted(): void
  /** This node is going away: the caller should go on elsewhere. */
  onMoving(): void
}

export interface Stream {
  readonly first: CatchUp
  /** What is after a place, a page at a time. Only while it is open. */
  more(after: Position): Promise<CatchUp>
  /** As often as wanted. */
  close(): void
}
