import { type ErrorRequestHandler, type RequestHandler, type Response } from 'express'
import { type Pipeline } from '../kernel/pipeline/pipeline'
import { type Refusal, refusals } from '../kernel/pipeline/refusals'

/** The request's id, as in its log line. */
export const requestIdOf = (response: Response): string => String(response.locals.requestId)

/** Sends a refusal as a problem object (RFC 9457). */
export function sendRefusal(response: Response, refusal: Refusal): void {
  const problem = refusal.toProblem(requestIdOf(response))
  response.locals.code = problem.code
  if (problem.retryAfter !== undefined) response.set('Retry-After', String(problem.retryAfter))
  if (problem.status === 401)
    response.set('WWW-Authenticate', problem.code === 'not_signed_in' ? 'Bearer' : 'Bearer error="invalid_token"')
  response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem))
}

export const refuseUnknownPath: RequestHandler = () => {
  throw refusals.unknownOperation()
}

/** Error handler: converts anything that a route throws to a problem object. */
export function problemErrorHandler(pipeline: Pipeline): ErrorRequestHandler {
  // Express recognises an error handler by its four parameters.
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error)
      return
    }
    sendRefusal(
      response,
      parserRefusal(error) ?? pipeline.toLoggedRefusal(error, requestIdOf(response), request.method),
    )
  }
}

/** Converts errors of Express and its body parser to refusals. */
function parserRefusal(error: unknown): Refusal | undefined {
  if (error instanceof URIError) return refusals.invalidInput(undefined, { errors: [badEscape] })
  if (typeof error !== 'object' || error === null) return undefined
  const known = 'type' in error && typeof error.type === 'string' ? parserRefusals[error.type] : undefined
  // A body that fails to decompress is a zlib error with status 400 and no type.
  return known?.() ?? ('status' in error && error.status === 400 ? refusals.malformedJson() : undefined)
}

const badEscape = { path: 'url', code: 'invalid_url_encoding', message: 'the path is not valid percent-encoding' }

const parserRefusals: Record<string, () => Refusal> = {
  'entity.parse.failed': () => refusals.malformedJson(),
  'entity.verify.failed': () => refusals.malformedJson(),
  'entity.too.large': () => refusals.bodyTooLarge(),
  'encoding.unsupported': () => refusals.unsupportedMediaType(),
  'charset.unsupported': () => refusals.unsupportedMediaType(),
  'request.aborted': () => refusals.malformedJson(),
  'request.size.invalid': () => refusals.malformedJson(),
}
