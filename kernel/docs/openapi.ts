import { type AnyOperation, parseRoute } from '../pipeline/operation'
import { type Registry } from '../pipeline/registry'
import { type RefusalKind, refusals } from '../pipeline/refusals'
import { channelEventsMayRefuse, channelEventsPathItem } from './channel-events-path'
import { answerExample, type CallExample, exampleOf, type Examples } from './examples'
import { problemExamples } from './problem-examples'
import { refusalResponses } from './refusal-responses'
import {
  answerSchema,
  type Json,
  pageSchema,
  type SchemaComponents,
  createSchemaComponents,
  skillOf,
} from './schema-components'

/** Generates the OpenAPI 3.1 document of the REST API from the operations. */
export function generateOpenApi(registry: Registry, examples: Examples): Json {
  const book = createSchemaComponents(registry)
  const paths: Record<string, Json> = channelEventsPathItem(book, examples)
  for (const op of registry.operations) {
    const { method, path } = parseRoute(op.route)
    const at = path.replace(/:(\w+)/g, '{$1}')
    paths[at] = { ...paths[at], [method.toLowerCase()]: toOperation(op, book, examples) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tutti',
      version: '1.0.0',
      summary: 'Upload, stream, like, comment and listen together',
      description:
        'Every operation is also a Socket.IO call named like its operationId: `emitWithAck(name, {input, key})` answers the ' +
        'same `data`, or the same problem object as `error`. `asyncapi.json` describes the live events, `docs/follow-a-channel.md` ' +
        'how to follow them.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/api/v1' }],
    tags: [...new Set(['channels', ...registry.operations.map(skillOf)])].map(name => ({ name })),
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT (RS256)' } },
      schemas: { ...book.components(), Page: pageSchema },
      examples: problemExamples([...channelEventsMayRefuse, ...registry.operations.flatMap(possibleRefusals)]),
    },
  }
}

function toOperation(op: AnyOperation, book: SchemaComponents, examples: Examples): Json {
  const example = examples.operations[op.name] as CallExample | undefined
  const sent = example?.input ?? {}
  const input = book.schemaOf(op.input) as { properties?: Record<string, Json>; required?: string[] }
  const { method, params } = parseRoute(op.route)
  const rest = Object.entries(input.properties ?? {}).filter(([name]) => !params.includes(name))
  const inQuery = method === 'GET' || method === 'DELETE'
  const inUrl = rest.filter(([name]) => name !== 'secret')
  const isRequired = (name: string) => input.required?.includes(name) === true
  const parameters = [
    ...params.map(name => parameter('path', name, input.properties?.[name], true, sent[name])),
    ...(inQuery ? inUrl.map(([name, schema]) => parameter('query', name, schema, isRequired(name), sent[name])) : []),
    ...(op.idempotency === 'keyed' ? [keyHeader] : []),
    ...(op.cacheControl === undefined ? [] : [ifNoneMatchHeader]),
    ...(!inQuery && rest.some(([name]) => name === 'rev') ? [ifMatchHeader] : []),
    ...rest
      .filter(([name]) => name === 'secret')
      .map(([, schema]) => ({ ...secretHeader, schema, ...exampleOf(sent.secret) })),
  ]
  const body = {
    type: 'object',
    properties: Object.fromEntries(rest),
    required: rest.map(([name]) => name).filter(isRequired),
    additionalProperties: false,
  }
  const inBody = Object.entries(sent).filter(([name]) => !params.includes(name))
  const sentBody = example === undefined ? undefined : Object.fromEntries(inBody)
  return {
    operationId: op.name,
    tags: [skillOf(op)],
    summary: op.summary,
    description: [op.description, `At most ${op.limit.perMinute} calls a minute.`, access[op.auth]]
      .filter(sentence => sentence !== undefined)
      .join(' '),
    ...(op.auth === 'public' ? { security: [{}, { bearer: [] }] } : {}),
    parameters,
    ...(inQuery || rest.length === 0 ? {} : { requestBody: { required: true, content: json(body, sentBody) } }),
    responses: {
      ...redirected(op),
      [op.status ?? 200]: success(op, book, example),
      ...(op.cacheControl === undefined
        ? {}
        : { 304: { description: 'Not modified since the version in `If-None-Match`' } }),
      ...refusalResponses(possibleRefusals(op)),
    },
  }
}

const access = {
  public: 'Public.',
  'signed-in': 'Requires a token.',
  moderator: 'Requires the token of a moderator.',
} as const

const keyHeader = {
  in: 'header',
  name: 'Idempotency-Key',
  description: 'For 24 hours, a call with the same key returns the answer of the first.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
}

const ifMatchHeader = {
  in: 'header',
  name: 'If-Match',
  description: 'The revision you have read, such as `"7"`; the same as `rev` in the body.',
  schema: { type: 'string' },
}

const secretHeader = {
  in: 'header',
  name: 'X-Track-Secret',
  description: 'The secret from the link of an unlisted track; the same as `secret` in a body. Not accepted in URLs.',
}

const ifNoneMatchHeader = {
  in: 'header',
  name: 'If-None-Match',
  description: 'The ETag of your cached answer. Browsers send it automatically.',
  schema: { type: 'string' },
}

const parameter = (
  location: 'path' | 'query',
  name: string,
  schema: Json | undefined,
  required: boolean,
  example: unknown,
) => ({
  in: location,
  name,
  required,
  schema: schema ?? {},
  ...exampleOf(example),
})

const json = (schema: Json, example: unknown) => ({ 'application/json': { schema, ...exampleOf(example) } })

const redirected = (op: AnyOperation): Json =>
  op.redirectTo === undefined
    ? {}
    : {
        302: {
          description: 'The location of the resource. Send `Accept: application/json` to get the answer itself.',
          headers: { Location: { required: true, schema: { type: 'string', format: 'uri' } } },
        },
      }
const setCookieHeader = {
  description: 'The `cookies` of the answer, one per header. Browsers keep them only if the request has credentials.',
  schema: { type: 'string' },
}

function success(op: AnyOperation, book: SchemaComponents, example: CallExample | undefined): Json {
  const cookies = op.cookies === undefined ? {} : { headers: { 'Set-Cookie': setCookieHeader } }
  return { description: 'Success', ...cookies, content: json(answerSchema(op, book), answerExample(example)) }
}

/** The refusals that an operation may throw, derived from its declaration. */
export function possibleRefusals(op: AnyOperation): RefusalKind[] {
  const { invalidInput, notSignedIn, tokenInvalid, tokenExpired, sessionRevoked } = refusals
  const { tooManyRequests, internalError, authUnavailable, unavailable } = refusals
  const signedIn = op.auth === 'public' ? [] : [notSignedIn]
  const found = op.route.includes(':') ? [refusals.notFound] : []
  const keyed = op.idempotency === 'keyed' ? [refusals.idempotencyKeyReused] : []
  const written =
    op.idempotency === 'read' ? [] : [refusals.malformedJson, refusals.unsupportedMediaType, refusals.bodyTooLarge]
  const changed = op.idempotency === 'read' ? [] : [refusals.forbidden, refusals.conflict]
  const token = [...signedIn, tokenInvalid, tokenExpired, sessionRevoked]
  const all = [invalidInput, ...written, ...token, ...changed, ...found, ...keyed]
  return [...all, ...(op.refuses ?? []), tooManyRequests, internalError, authUnavailable, unavailable]
}
