import { refusals } from '../pipeline/refusals'
import { count, pattern, shape, type Value } from '../pipeline/schema'

/**
 * A position in a channel log: everything up to `offset` has been received. Offsets count from 1 without gaps. The epoch
 * changes when the log may have lost its tail, as after a restore; positions of another epoch are invalid.
 */
export const position = shape({ epoch: pattern(/^[0-9a-z]{1,32}$/, 32), offset: count })
export type Position = Value<typeof position>

/** `<epoch>:<offset>`, as in URLs and in `Last-Event-ID`. */
export const formatPosition = ({ epoch, offset }: Position): string => `${epoch}:${offset}`

/** @throws `invalid_input` */
export function parsePosition(text: string): Position {
  const [, epoch = '', digits = ''] = /^([0-9a-z]{1,32}):(\d{1,15})$/.exec(text) ?? []
  if (epoch !== '') return { epoch, offset: Number(digits) }
  throw refusals.invalidInput(undefined, {
    errors: [{ path: 'after', code: 'invalid_format', message: 'after must be <epoch>:<offset>' }],
  })
}

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
  top: number
  events: readonly ChannelEvent[]
  /** Whether nothing is missing between `after` and the first event. False without `after`. When false, load a snapshot. */
  recovered: boolean
  /** Whether more events exist up to `top`. When true, follow again after the last event. */
  more: boolean
  state: ChannelState
}
