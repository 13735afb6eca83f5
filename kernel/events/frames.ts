/** An event as clients receive it, with its offset in the channel. */
export interface ChannelEvent {
  offset: number
  /** A UUID: the same event on two channels has one id. */
  id: string
  name: string
  /** ISO 8601. */
  at: string
  data: unknown
}

/** Consecutive events of one channel. */
export interface EventFrame {
  channel: string
  epoch: string
  events: readonly ChannelEvent[]
}

/** Newest state values of a channel by name. Each is absolute and has a `rev` that only grows. */
export type ChannelState = Record<string, { rev: number } & Record<string, unknown>>

export interface StateFrame {
  channel: string
  values: ChannelState
}

/** What a follower receives to catch up, over any transport. */
export interface CatchUp {
  channel: string
  epoch: string
  /** The offset of the newest event. */
  latestOffset: number
  events: readonly ChannelEvent[]
  /** Whether nothing is missing between `after` and the first event. False without `after`. When false, load a snapshot. */
  recovered: boolean
  /** Whether more events exist up to `latestOffset`. When true, follow again after the last event. */
  hasMore: boolean
  state: ChannelState
}
