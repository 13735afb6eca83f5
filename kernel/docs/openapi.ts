import { type AnyOperation, methodAndPath } from '../operation'
import { type Product } from '../product'
import { type RefusalKind, refusals } from '../refusals'
import { eventsPath } from './events-path'
import { refusalResponses } from './refusal-responses'
import { answerOf, type Json, pageSchema, problemSchema, type SchemaBook, schemaBook, skillOf } from './schemas'

/** OpenAPI 3.1 of the REST door, read off the list of operations. */
export function openApi(product: Product): Json {
  const book = schemaBook(product)
  const paths: Record<string, Json> = eventsPath(book)
  for (const op of product.operations) {
    const { method, path } = methodAndPath(op.route)
    const at = path.replace(/:(\w+)/g, '{$1}')
    paths[at] = { ...paths[at], [method.toLowerCase()]: toOperation(op, book) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tutti',
      version: '1.0.0',
      summary: 'Upload, stream, like, comment and listen together: the REST door.',
      description:
        'Every operation is also a Socket.IO call of the name in its operationId: `emitWithAck(name, {input, key})` ' +
        'answers the same `data`, or the same problem object as `error`. Live events are described in `asyncapi.json`, the ' +
        'way to follow them in `docs/realtime.md`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/api/v1' }],
    tags: [...new Set(['channels', ...product.operations.map(skillOf)])].map(name => ({ name })),
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT (RS256)' } },
      schemas: { ...book.components(), Problem: problemSchema, Page: pageSchema },
    },
  }
}

function toOperation(op: AnyOperation, book: SchemaBook): Json {
  const input = book.of(op.input) as { properties?: Record<string, Json>; required?: string[] }
  const { method, params } = methodAndPath(op.route)
  const rest = Object.entries(input.properties ?? {}).filter(([name]) => !params.includes(name))
  const inQuery = method === 'GET' || method === 'DELETE'
  const inUrl = rest.filter(([name]) => name !== 'secret')
  const isRequired = (name: string) => input.required?.includes(name) === true
  const parameters = [
    ...params.map(name => parameter('path', name, input.properties?.[name], true)),
    ...(inQuery ? inUrl.map(([name, schema]) => parameter('query', name, schema, isRequired(name))) : []),
    ...(op.idempotency === 'keyed' ? [keyHeader] : []),
    ...(op.kept === undefined ? [] : [ifNoneMatchHeader]),
    ...(!inQuery && rest.some(([name]) => name === 'rev') ? [ifMatchHeader] : []),
    ...rest.filter(([name]) => name === 'secret').map(([, schema]) => ({ ...secretHeader, schema })),
  ]
  const body = {
    type: 'object',
    properties: Object.fromEntries(rest),
    required: rest.map(([name]) => name).filter(isRequired),
    additionalProperties: false,
  }
  return {
    operationId: op.name,
    tags: [skillOf(op)],
    summary: op.summary,
    description: `At most ${op.limit.perMinute} calls a minute. ${whoMay[op.who]}`,
    ...(op.who === 'anyone' ? { security: [{}, { bearer: [] }] } : {}),
    parameters,
    ...(inQuery || rest.length === 0 ? {} : { requestBody: { required: true, content: json(body) } }),
    responses: {
      ...redirected(op),
      [op.status ?? 200]: success(op, book),
      ...(op.kept === undefined ? {} : { 304: { description: 'Still the version of `If-None-Match`' } }),
      ...refusalResponses(refusalsOf(op)),
    },
  }
}

const whoMay = {
  anyone: 'Open to everybody.',
  'signed-in': 'Needs a token.',
  moderators: 'Needs the token of a moderator.',
} as const

const keyHeader = {
  in: 'header',
  name: 'Idempotency-Key',
  description: 'Makes a repeat of this call answer as the first did, for 24 hours.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
}

const ifMatchHeader = {
  in: 'header',
  name: 'If-Match',
  description: 'The revision you have seen, such as `"7"`: the same as `rev` in the body.',
  schema: { type: 'string' },
}

const secretHeader = {
  in: 'header',
  name: 'X-Track-Secret',
  description: 'What the secret link of an unlisted track holds; the same as `secret` in a body. Never part of a URL.',
}

const ifNoneMatchHeader = {
  in: 'header',
  name: 'If-None-Match',
  description: 'The ETag of the answer that you keep. Browsers send it by themselves.',
  schema: { type: 'string' },
}

const parameter = (place: 'path' | 'query', name: string, schema: Json | undefined, required: boolean) => ({
  in: place,
  name,
  required,
  schema: schema ?? {},
})

const json = (schema: Json) => ({ 'application/json': { schema } })

const redirected = (op: AnyOperation): Json =>
  op.redirectOf === undefined
    ? {}
    : {
        302: {
          description: 'It is there. Accept `application/json` by name to get the answer itself.',
          headers: { Location: { required: true, schema: { type: 'string', format: 'uri' } } },
        },
      }
const setCookieHeader = {
  description: 'The `cookies` of the answer, each in a header of its own. A page asks with credentials to keep them.',
  schema: { type: 'string' },
}

function success(op: AnyOperation, book: SchemaBook): Json {
  const cookies = op.cookiesOf === undefined ? {} : { headers: { 'Set-Cookie': setCookieHeader } }
  return { description: 'Done', ...cookies, content: json(answerOf(op, book)) }
}

/** What an operation may refuse with, from what it declares. */
export function refusalsOf(op: AnyOperation): RefusalKind[] {
  const { invalidInput, notSignedIn, tokenInvalid, tokenExpired, sessionRevoked } = refusals
  const { tooMany, internal, authUnavailable, unavailable } = refusals
  const signedIn = op.who === 'anyone' ? [] : [notSignedIn]
  const found = op.route.includes(':') ? [refusals.notFound] : []
  const keyed = op.idempotency === 'keyed' ? [refusals.keyReused] : []
  const written = op.idempotency === 'read' ? [] : [refusals.malformedJson, refusals.notJson, refusals.tooLarge]
  const changed = op.idempotency === 'read' ? [] : [refusals.forbidden, refusals.conflict]
  const token = [...signedIn, tokenInvalid, tokenExpired, sessionRevoked]
  const all = [invalidInput, ...written, ...token, ...changed, ...found, ...keyed]
  return [...all, ...(op.refuses ?? []), tooMany, internal, authUnavailable, unavailable]
}
