import { invalidField } from '../pipeline/refusals'
import { count, pattern, shape, type Value } from '../pipeline/schema'

const epochForm = '[0-9a-z]{1,32}'
const positionForm = new RegExp(`^(${epochForm}):(\\d{1,15})$`)

export const epoch = pattern(new RegExp(`^${epochForm}$`), 32)

/**
 * A position in a channel log: everything up to `offset` has been received. Offsets count from 1 without gaps. The epoch
 * changes when the log may have lost its tail, as after a restore; positions of another epoch are invalid.
 */
export const position = shape({ epoch, offset: count })
export type Position = Value<typeof position>

/** `<epoch>:<offset>`, as in URLs and in `Last-Event-ID`. */
export const formatPosition = ({ epoch, offset }: Position): string => `${epoch}:${offset}`

/** The schema of a position as text. */
export const positionText = pattern(positionForm, 48)

/** @throws `invalid_input` */
export function parsePosition(text: string): Position {
  const [, epoch = '', digits = ''] = positionForm.exec(text) ?? []
  if (epoch !== '') return { epoch, offset: Number(digits) }
  throw invalidField('after', 'invalid_format', 'after must be <epoch>:<offset>')
}
