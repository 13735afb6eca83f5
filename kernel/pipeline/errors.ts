import { types } from 'node:util'
import { BaseError, ConnectionError, UniqueConstraintError } from 'sequelize'
import { Refusal, refusals } from './refusals'

/**
 * Maps any error to a refusal: invalid input (such as a malformed UUID), a conflict, or an unavailable dependency. Anything
 * else is a bug and becomes `internal_error`. Sources: PostgreSQL's SQLSTATE codes; a dropped pooled connection has no SQLSTATE
 * and is recognized by its message.
 */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof UniqueConstraintError) return refusals.conflict()
  const state = sqlState(error)
  if (state !== undefined) {
    const known = byState[state] ?? byClass[state.slice(0, 2)]
    if (known !== undefined) return known()
  }
  if (error instanceof ConnectionError || isConnectionLost(error)) return unavailable()
  return refusals.internalError()
}

/** 5xx: a bug or an unavailable dependency, so log it. */
export const isServerError = (refusal: Refusal): boolean => refusal.kind.status >= 500

/** The SQLSTATE of an error of pg, bare or wrapped by Sequelize. */
export function sqlState(error: unknown): string | undefined {
  const inner = error instanceof BaseError && 'original' in error ? error.original : error
  if (typeof inner !== 'object' || inner === null || !('code' in inner)) return undefined
  return typeof inner.code === 'string' && /^[0-9A-Z]{5}$/.test(inner.code) ? inner.code : undefined
}

/** Unlike `instanceof`, recognises errors that Node creates in another realm. */
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

const lostConnection =
  /Connection terminated|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|timeout exceeded|Query read timeout|is not queryable|Connection is closed|Command timed out|isn't writeable/

function isConnectionLost(error: unknown): boolean {
  if (!isError(error)) return false
  if ('errors' in error && Array.isArray(error.errors)) return error.errors.some(isConnectionLost)
  return lostConnection.test(`${'code' in error ? String(error.code) : ''} ${error.message}`)
}
