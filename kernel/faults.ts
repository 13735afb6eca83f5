import { types } from 'node:util'
import { BaseError, ConnectionError, UniqueConstraintError } from 'sequelize'
import { Refusal, refusals } from './refusals'

/**
 * What went wrong below, as a refusal: the caller's own fault (a text that is no UUID), a conflict, or a dependency that
 * is away. Anything else is a bug and stays opaque. Sources: PostgreSQL's SQLSTATE classes; a pooled connection that was
 * cut reports no SQLSTATE but says so in its message.
 */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof UniqueConstraintError) return refusals.conflict()
  const state = sqlState(error)
  if (state !== undefined) {
    const known = byState[state] ?? byClass[state.slice(0, 2)]
    if (known !== undefined) return known()
  }
  if (error instanceof ConnectionError || isCut(error)) return unavailable()
  return refusals.internal()
}

/** Worth a line in the log: a bug, or a dependency that failed. */
export const isOurFault = (refusal: Refusal): boolean => refusal.kind.status >= 500

/** The SQLSTATE of an error of pg, bare or wrapped by Sequelize. */
export function sqlState(error: unknown): string | undefined {
  const inner = error instanceof BaseError && 'original' in error ? error.original : error
  if (typeof inner !== 'object' || inner === null || !('code' in inner)) return undefined
  return typeof inner.code === 'string' && /^[0-9A-Z]{5}$/.test(inner.code) ? inner.code : undefined
}

/** Errors of Node itself may come from another realm than ours: `instanceof` would not know them. */
export const isError = (error: unknown): error is Error => types.isNativeError(error)

const unavailable = () => refusals.unavailable(undefined, { retryAfter: 2 })
const invalid = () => refusals.invalidInput()
const conflict = () => refusals.conflict()

const byState: Record<string, () => Refusal> = {
  '22P02': invalid,
  '22003': invalid,
  '22001': invalid,
  '22007': invalid,
  '22008': invalid,
  '22021': invalid,
  '22P05': invalid,
  '23505': conflict,
  '23503': conflict,
  '40001': unavailable,
  '40P01': unavailable,
  '53300': unavailable,
  '55P03': unavailable,
  '57014': unavailable,
  '57P01': unavailable,
  '57P02': unavailable,
  '57P03': unavailable,
}

const byClass: Record<string, () => Refusal> = { '08': unavailable, '53': unavailable }

const cuts =
  /Connection terminated|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|timeout exceeded|Query read timeout|is not queryable|Connection is closed|not writeable/

function isCut(error: unknown): boolean {
  if (!isError(error)) return false
  if ('errors' in error && Array.isArray(error.errors)) return error.errors.some(isCut)
  return cuts.test(`${'code' in error ? String(error.code) : ''} ${error.message}`)
}
