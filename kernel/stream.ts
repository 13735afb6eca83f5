import { refusals } from './refusals'
import { count, pattern, shape, type Value } from './schema'

/**
 * A place in the log of a channel: everything up to `offset` has been seen. Offsets count from 1 without gaps. The epoch
 * changes when the log may have lost its tail, as after a restore: positions of another epoch mean nothing.
 */
export const position = shape({ epoch: pattern(/^[0-9a-z]{1,32}$/, 32), offset: count })
export type Position = Value<typeof position>

/** As it travels in URLs and as `Last-Event-ID`: `<epoch>:<offset>`. */
export const positionAsText = ({ epoch, offset }: Position): string => `${epoch}:${offset}`

/** @throws `invalid_input` */
export function positionFromText(text: string): Position {
  const [, epoch = '', digits = ''] = /^([0-9a-z]{1,32}):(\d{1,15})$/.exec(text) ?? []
  if (epoch !== '') return { epoch, offset: Number(digits) }
  throw refusals.invalidInput(undefined, {
    errors: [{ path: 'after', code: 'string_pattern_base', message: 'after must be <epoch>:<offset>' }],
  })
}

/** An event as everybody hears it, with its place in the channel. */
export interface StreamEvent {
  offset: number
  /** A UUID: the same event on two channels has one id. */
  id: string
  name: string
  /** ISO 8601. */
  at: string
  data: unknown
}

/** Events of one channel that follow each other. */
export interface StreamFrame {
  channel: string
  epoch: string
  events: readonly StreamEvent[]
}

/** The newest values of what a channel keeps besides events, by name: each is absolute and has a `rev` that only grows. */
export type StreamState = Record<string, { rev: number } & Record<string, unknown>>

export interface StateFrame {
  channel: string
  values: StreamState
}

/** What a follower gets to catch up, whichever way it came. */
export interface CatchUp {
  channel: string
  epoch: string
  /** The offset of the newest event. */
  top: number
  events: readonly StreamEvent[]
  /** Whether nothing is missing between `after` and the first of `events`. False without `after`: take a snapshot. */
  recovered: boolean
  /** Whether there is more up to `top`: follow again after the last of `events`. */
  more: boolean
  state: StreamState
}
