import { randomUUID } from 'node:crypto'
import { type RequestHandler } from 'express'
import { type Log } from '../kernel/platform/log'
import { requestIdOf } from './problems'

/** Gives every request an id, the proxy's if it sent one, and writes one log line, without query or headers. */
export function logRequests(root: Log): RequestHandler {
  // Redaction is two thirds of the cost of a line, and these fields contain no secrets.
  const log = root.child({}, { redact: [] })
  return (request, response, next) => {
    const proxyId = request.get('x-request-id')
    response.locals.requestId = proxyId !== undefined && /^[\w-]{8,64}$/.test(proxyId) ? proxyId : randomUUID()
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
