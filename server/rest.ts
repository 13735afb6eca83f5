import { type Application, type Request, type Response } from 'express'
import { truncateUserAgent } from '../kernel/pipeline/user-agent'
import { type Pipeline } from '../kernel/pipeline/pipeline'
import { type Answer } from '../kernel/pipeline/call'
import { parseIdempotencyKey } from '../kernel/pipeline/idempotency'
import { type AnyOperation, parseRoute } from '../kernel/pipeline/operation'
import { invalidField, refusals } from '../kernel/pipeline/refusals'
import { coerceText, hasField } from '../kernel/pipeline/schema-inspection'
import { authenticate } from './authenticate'
import { setCookies } from './cookies'
import { requestIdOf, sendRefusal } from './problems'

export const apiRoot = '/api/v1'

/** Binds every operation to its route. Other methods on a known path answer 405. */
export function bindOperations(expressApp: Application, pipeline: Pipeline): void {
  const methodsAt = new Map<string, string[]>()
  for (const op of pipeline.registry.operations) {
    const { method, path } = parseRoute(op.route)
    methodsAt.set(path, [...(methodsAt.get(path) ?? []), method])
    const bind = { GET: 'get', PUT: 'put', POST: 'post', PATCH: 'patch', DELETE: 'delete' } as const
    expressApp[bind[method as keyof typeof bind]](apiRoot + path, (request, response) =>
      serve(pipeline, op, request, response),
    )
  }
  for (const [path, methods] of methodsAt)
    expressApp.all(apiRoot + path, (_request, response) => {
      response.set('Allow', methods.join(', '))
      throw refusals.methodNotAllowed()
    })
}

async function serve(pipeline: Pipeline, op: AnyOperation, request: Request, response: Response): Promise<void> {
  // Read once, because Express computes `ip` on every access.
  const address = request.ip ?? ''
  const bearer = await authenticate(pipeline, request, address)
  const outcome = await pipeline.run('rest', op, {
    input: inputOf(op, request),
    actor: bearer?.actor ?? null,
    ipAddress: address,
    userAgent: truncateUserAgent(request.get('user-agent')),
    requestId: requestIdOf(response),
    idempotencyKey: parseIdempotencyKey(request.get('idempotency-key')),
  })
  if ('refusal' in outcome) sendRefusal(response, outcome.refusal)
  else if (op.redirectTo !== undefined)
    sendRedirect(op.redirectTo(outcome.answer.data), outcome.answer, request, response)
  else if (op.cacheControl !== undefined)
    sendCacheable(op, op.cacheControl(outcome.answer.data), request, response, outcome.answer)
  else sendAnswer(op, response, outcome.answer)
}

function inputOf(op: AnyOperation, request: Request): unknown {
  const hasBody = request.method === 'POST' || request.method === 'PUT' || request.method === 'PATCH'
  const sent: unknown = hasBody ? bodyOf(request) : coerceText(op.input, queryOf(op, request))
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) return sent
  const known = { ...sent, ...coerceText(op.input, request.params) }
  if (hasField(op.input, 'rev') && !('rev' in known)) return { ...known, ...revisionOf(request) }
  return hasField(op.input, 'secret') && !('secret' in known) ? { ...known, ...secretOf(request) } : known
}

/** Refuses a secret in the query, because URLs end up in logs and referrers. */
function queryOf(op: AnyOperation, { query }: Request): Record<string, unknown> {
  if (hasField(op.input, 'secret') && 'secret' in query) {
    const message = 'secret must be sent in the header X-Track-Secret'
    throw invalidField('secret', 'secret_in_url', message)
  }
  return { ...query }
}

function secretOf(request: Request): { secret?: string } {
  const secret = request.get('x-track-secret')
  return secret === undefined ? {} : { secret }
}

function bodyOf(request: Request): unknown {
  const body: unknown = request.body
  if (body !== undefined) return body
  const length = request.get('content-length')
  const isEmpty = request.get('transfer-encoding') === undefined && (length === undefined || length === '0')
  if (isEmpty) return {}
  throw refusals.unsupportedMediaType()
}

/** Reads the revision from `If-Match: "7"`. */
function revisionOf(request: Request): { rev?: number } {
  const condition = request.get('if-match')
  if (condition === undefined || condition === '*') return {}
  const [, rev] = /^(?:W\/)?"(\d{1,9})"$/.exec(condition) ?? []
  // Refuse a malformed If-Match instead of ignoring it, which would overwrite.
  if (rev === undefined) throw refusals.invalidInput('If-Match must be the ETag of an answer, such as "7", or *.')
  return { rev: Number(rev) }
}

/** Redirects. CORP allows any origin, because pages embed the resource without a token and cannot read it. */
function sendRedirect(
  to: { url: string; maxAgeSeconds: number },
  answer: Answer,
  request: Request,
  response: Response,
): void {
  const wantsAnswer = /\bapplication\/json\b/i.test(request.get('accept') ?? '')
  response.vary('Accept').set('Cache-Control', `public, max-age=${to.maxAgeSeconds}`)
  response.set('Cross-Origin-Resource-Policy', 'cross-origin').type('application/json')
  if (!wantsAnswer) response.status(302).set('Location', to.url)
  response.end(JSON.stringify(answer))
}

function sendAnswer(op: AnyOperation, response: Response, answer: Answer): void {
  const { replayed, ...body } = answer
  if (replayed) response.set('Idempotent-Replayed', 'true')
  const { data } = body
  if (typeof data === 'object' && data !== null && 'rev' in data && typeof data.rev === 'number')
    response.set('ETag', `"${data.rev}"`)
  setCookies(op, data, response)
  // Not `response.json`, which answers 304 for a matching ETag: counts and `viewer` change without a new revision.
  response.statusCode = op.status ?? 200
  response.setHeader('Content-Type', 'application/json; charset=utf-8')
  response.end(JSON.stringify(body))
}

/** Sends an answer that only the caller's own cache may keep, because access differs between callers. */
function sendCacheable(
  op: AnyOperation,
  { version, maxAgeSeconds }: { version: string; maxAgeSeconds: number },
  request: Request,
  response: Response,
  answer: Answer,
): void {
  const lifetime = request.query.version === version ? 'max-age=31536000, immutable' : `max-age=${maxAgeSeconds}`
  response.set('Cache-Control', `private, ${lifetime}`).vary('Authorization').set('ETag', `"${version}"`)
  const cachedTags = (request.get('if-none-match') ?? '').split(',').map(tag => tag.trim().replace(/^W\//, ''))
  if (cachedTags.includes(`"${version}"`) || cachedTags.includes('*')) response.status(304).end()
  else sendAnswer(op, response, answer)
}
