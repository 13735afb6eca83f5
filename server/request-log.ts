import { randomUUID } from 'node:crypto'
import { type RequestHandler } from 'express'
import { type Log } from '../kernel/world/log'
import { requestIdOf } from './problems'

/** Gives every request an id, the proxy's where it sent one, and one line in the log, without query or headers. */
export function logRequests(log: Log): RequestHandler {
  return (request, response, next) => {
    const given = request.get('x-request-id')
    response.locals.requestId = given !== undefined && /^[\w-]{8,64}$/.test(given) ? given : randomUUID()
    response.set('X-Request-Id', requestIdOf(response))
    const startedAt = process.hrtime.bigint()
    response.on('finish', () => {
      const ms = Number(process.hrtime.bigint() - startedAt) / 1e6
      const { method, path } = request
      const code: unknown = response.locals.code
      log.info({
        requestId: requestIdOf(response),
        method,
        path,
        status: response.statusCode,
        code,
        ms: Math.round(ms),
      })
    })
    next()
  }
}
