import pino from 'pino'
import { isError, sqlState } from '../faults'

export type Log = pino.Logger

/** JSON lines on standard output. Never log input, headers, URLs with a query, or an error object as it is. */
export function createLog(level: string, bindings: Record<string, unknown> = {}, to?: pino.DestinationStream): Log {
  const redact = { paths: ['*.token', '*.authorization', '*.url', '*.secret', 'secret'], censor: '[hidden]' }
  return pino({ level, base: bindings, redact }, to ?? pino.destination(1))
}

/** What of an error may be logged: not its SQL, parameters or request, which hold what people wrote and sent. */
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

/** Signed URLs carry their right in the query. */
const withoutQueries = (text: string): string => text.replace(/(https?:\/\/[^\s?"')]+)\?[^\s"')]*/g, '$1?[hidden]')
