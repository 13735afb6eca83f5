import { type ErrorRequestHandler, type RequestHandler, type Response } from 'express'
import { type Engine } from '../kernel/engine'
import { type Refusal, refusals } from '../kernel/refusals'

/** The id under which this request is logged. */
export const requestIdOf = (response: Response): string => String(response.locals.requestId)

/** Answers with the problem object of a refusal (RFC 9457). */
export function sendRefusal(response: Response, refusal: Refusal): void {
  const problem = refusal.toProblem(requestIdOf(response))
  response.locals.code = problem.code
  if (problem.retryAfter !== undefined) response.set('Retry-After', String(problem.retryAfter))
  if (problem.status === 401)
    response.set('WWW-Authenticate', problem.code === 'not_signed_in' ? 'Bearer' : 'Bearer error="invalid_token"')
  response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem))
}

export const unknownPath: RequestHandler = () => {
  throw refusals.unknownOperation()
}

/** The one place where anything thrown on the way becomes an answer. */
export function answerWithProblem(engine: Engine): ErrorRequestHandler {
  // Express tells an error handler by its four parameters.
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error)
      return
    }
    sendRefusal(response, fromParser(error) ?? engine.refuse(error, requestIdOf(response), request.method))
  }
}

/** What Express and its body parser say, in our words. */
function fromParser(error: unknown): Refusal | undefined {
  if (error instanceof URIError) return refusals.invalidInput(undefined, { errors: [badEscape] })
  if (typeof error !== 'object' || error === null) return undefined
  const known = 'type' in error && typeof error.type === 'string' ? parserRefusals[error.type] : undefined
  // A body that cannot be unpacked comes as the error of zlib with the status 400, without a type.
  return known?.() ?? ('status' in error && error.status === 400 ? refusals.malformedJson() : undefined)
}

const badEscape = { path: 'url', code: 'bad_escape', message: 'the path is not valid percent-encoding' }

const parserRefusals: Record<string, () => Refusal> = {
  'entity.parse.failed': () => refusals.malformedJson(),
  'entity.verify.failed': () => refusals.malformedJson(),
  'entity.too.large': () => refusals.tooLarge(),
  'encoding.unsupported': () => refusals.notJson(),
  'charset.unsupported': () => refusals.notJson(),
  'request.aborted': () => refusals.malformedJson(),
  'request.size.invalid': () => refusals.malformedJson(),
}
