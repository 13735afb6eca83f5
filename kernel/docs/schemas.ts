import { type AnyOperation } from '../operation'
import { type Product } from '../product'
import { type Field, jsonSchema, namedWithin } from '../schema'

export type Json = Record<string, unknown>

/** The shapes with a name, as both documents list them; every use of one becomes a reference to it. */
export function schemaBook(product: Product) {
  const named = new Map<string, Field<unknown>>()
  const fields = [
    ...product.operations.flatMap(op => [op.input, op.output]),
    ...product.events.map(({ payload }) => payload),
  ]
  for (const field of fields) namedWithin(field, named)
  const written = new Map([...named].map(([name, field]) => [JSON.stringify(clean(jsonSchema(field))), name]))

  function withReferences(value: unknown, inside?: string): unknown {
    if (Array.isArray(value)) return value.map(item => withReferences(item))
    if (typeof value !== 'object' || value === null) return value
    const name = written.get(JSON.stringify(value))
    if (name !== undefined && name !== inside) return { $ref: `#/components/schemas/${name}` }
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withReferences(inner)]))
  }

  return {
    of: (field: Field<unknown>): Json => withReferences(clean(jsonSchema(field))) as Json,
    components: (): Json =>
      Object.fromEntries(
        [...named]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, field]) => [name, withReferences(clean(jsonSchema(field)), name)]),
      ),
  }
}

export type SchemaBook = ReturnType<typeof schemaBook>

/** The problem object of RFC 9457, as every refusal is told on both doors. */
export const problemSchema: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'requestId'],
  properties: {
    type: { type: 'string', description: 'urn:tutti:problem:<code>' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable: write your program against this.' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'code', 'message'],
        properties: { path: { type: 'string' }, code: { type: 'string' }, message: { type: 'string' } },
      },
    },
    retryAfter: { type: 'integer', description: 'Seconds to wait before a retry can succeed.' },
    current: { description: 'On a conflict of revisions: what is there now.' },
    requestId: { type: 'string' },
  },
}

export const pageSchema: Json = {
  type: 'object',
  required: ['next', 'hasMore'],
  properties: {
    next: { type: ['string', 'null'], description: 'Send it as `cursor` to read on.' },
    hasMore: { type: 'boolean' },
  },
}

export const skillOf = ({ name }: Pick<AnyOperation, 'name'>): string => name.split('.')[0] ?? name

/** JSON Schema without what the documents say themselves. */
function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== '$schema')
      .map(([key, inner]) => [key, clean(inner)]),
  )
}
