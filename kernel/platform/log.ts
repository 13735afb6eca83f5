import pino from 'pino'
import { isError, sqlState } from '../pipeline/errors'

export type Log = pino.Logger

/** JSON lines on stdout. Never log input, headers, URLs with a query, or raw error objects. */
export function createLog(level: string, bindings: Record<string, unknown> = {}, to?: pino.DestinationStream): Log {
  const redact = { paths: ['*.token', '*.authorization', '*.url', '*.secret', 'secret'], censor: '[hidden]' }
  return pino({ level, base: bindings, redact }, to ?? pino.destination(1))
}

/** The fields of an error that are safe to log: not its SQL, parameters or request, which contain user data. */
export function describeError(error: unknown, causesMax = 3): Record<string, unknown> {
  if (!isError(error)) return { error: typeof error }
  const state = sqlState(error)
  return {
    error: error.name,
    message: withoutQueries(error.message),
    ...(state === undefined ? {} : { state }),
    stack: withoutQueries(error.stack ?? ''),
    ...(error.cause === undefined || causesMax === 0 ? {} : { cause: describeError(error.cause, causesMax - 1) }),
  }
}

/** The query of a signed URL is a credential. */
const withoutQueries = (text: string): string => text.replace(/(https?:\/\/[^\s?"')]+)\?[^\s"')]*/g, '$1?[hidden]')
