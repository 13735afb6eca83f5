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
