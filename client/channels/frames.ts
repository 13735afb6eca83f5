import { type CatchUp as SentCatchUp, type Position, type ChannelEvent } from '../operations'

export { type Position, type ChannelEvent } from '../operations'

/** Consecutive events of one channel. */
export interface Frame {
  epoch: string
  events: readonly ChannelEvent[]
}

/** The state of a channel, by name: each value is absolute, and the one with the highest `rev` is the newest. */
export type StateValues = Record<string, { rev: number }>

/** The events after a position and the current state, over any transport. */
export interface CatchUp extends Omit<SentCatchUp, 'channel' | 'events' | 'state'>, Frame {
  state: StateValues
  /** The events after the requested position follow as frames of their own. */
  eventsFollow?: boolean
}

/** Receives the messages that the server pushes on a channel, with their name on the wire. */
export type MessageListener = (name: string, message: unknown) => void

export type Fields = Record<string, unknown>

/** Only checks for an object: the server keeps the documented shapes. */
export const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null

export const isFrame = (value: unknown): value is Frame & Fields =>
  isFields(value) && typeof value.epoch === 'string' && Array.isArray(value.events)

export const isCatchUp = (value: unknown): value is CatchUp & Fields =>
  isFrame(value) && typeof value.latestOffset === 'number'

export const isPosition = (value: unknown): value is Position =>
  isFields(value) && typeof value.epoch === 'string' && typeof value.offset === 'number'
