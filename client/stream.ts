import { type CatchUp as SentCatchUp, type Position, type StreamEvent } from './operations'

export { type Position, type StreamEvent } from './operations'

/** Events of one channel that follow each other. */
export interface Frame {
  epoch: string
  events: readonly StreamEvent[]
}

/** What a channel keeps besides events, by name: each value is absolute, and the one with the highest `rev` is the newest. */
export type Values = Record<string, { rev: number }>

/** What a follower gets to catch up, whichever way it came. */
export interface CatchUp extends Omit<SentCatchUp, 'channel' | 'events' | 'state'>, Frame {
  state: Values
  /** Everything after the place that was asked for comes as frames of its own. */
  streams?: boolean
}

/** What arrives unasked on a channel, under the name that it has on the wire. */
export type Ear = (name: string, message: unknown) => void

export type Fields = Record<string, unknown>

/** Servers and clients are of one kind: what is an object with the right name has the documented shape. */
export const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null

export const isFrame = (value: unknown): value is Frame & Fields =>
  isFields(value) && typeof value.epoch === 'string' && Array.isArray(value.events)

export const isCatchUp = (value: unknown): value is CatchUp & Fields => isFrame(value) && typeof value.top === 'number'

export const isPosition = (value: unknown): value is Position =>
  isFields(value) && typeof value.epoch === 'string' && typeof value.offset === 'number'
