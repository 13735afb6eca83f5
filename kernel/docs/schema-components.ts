import { isPublished } from '../events/event'
import { type AnyOperation } from '../pipeline/operation'
import { isPageField } from '../pipeline/paging'
import { type Registry } from '../pipeline/registry'
import { protocolSchemas, snapshotPosition } from '../events/protocol'
import { type Field } from '../pipeline/schema'
import { jsonSchema, namedSchemasWithin } from '../pipeline/schema-inspection'

export type Json = Record<string, unknown>

/**
 * Collects the named shapes as components, for both documents, and replaces every use by a `$ref`.
 * @throws Error when two different shapes have the same name.
 */
export function createSchemaComponents(registry: Registry) {
  const components = new Map<string, Json>()
  const nameOf = new Map<string, string>()
  const fields = [...registry.operations.flatMap(({ input, output }) => [input, output]), ...protocolSchemas]
  const published = [
    ...registry.events.filter(isPublished).map(({ payload }) => payload),
    ...registry.counters.map(({ value }) => value),
    ...registry.signals.map(({ data }) => data),
  ]
  for (const [name, field] of [...fields, ...published].flatMap(namedIn)) {
    const schema = withoutNull(clean(jsonSchema(field)))
    const text = JSON.stringify(schema)
    if (components.has(name) && JSON.stringify(components.get(name)) !== text)
      throw new Error(`two different shapes are named ${name}`)
    components.set(name, schema)
    nameOf.set(text, name)
  }

  function withReferences(value: unknown, inside?: string): unknown {
    if (Array.isArray(value)) return value.map(item => withReferences(item))
    if (!isObject(value)) return value
    const name = nameOf.get(JSON.stringify(withoutNull(value)))
    if (name === undefined || name === inside)
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withReferences(inner)]))
    const reference = { $ref: `#/components/schemas/${name}` }
    return mayBeNull(value) ? { anyOf: [reference, { type: 'null' }] } : reference
  }

  return {
    schemaOf: (field: Field<unknown>): Json => withReferences(clean(jsonSchema(field))) as Json,
    components: (): Record<string, Json> =>
      Object.fromEntries(
        [...components]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, schema]) => [name, withReferences(schema, name) as Json]),
      ),
  }
}

const namedIn = (field: Field<unknown>) => [...namedSchemasWithin(field)]

export type SchemaComponents = ReturnType<typeof createSchemaComponents>

export const pageSchema: Json = {
  type: 'object',
  required: ['next', 'hasMore'],
  properties: {
    next: { type: ['string', 'null'], description: 'Pass it as `cursor` to get the next page.' },
    hasMore: { type: 'boolean' },
  },
}

/** The schema of an operation's answer on both transports: `data`, and `page` or `position` beside it. */
export function answerSchema({ output, snapshotChannel }: AnyOperation, book: SchemaComponents): Json {
  const page = isPageField(output) ? { page: { $ref: '#/components/schemas/Page' } } : {}
  const position = snapshotChannel === undefined ? {} : { position: book.schemaOf(snapshotPosition) }
  const properties = { data: book.schemaOf(output), ...page, ...position }
  return { type: 'object', required: Object.keys(properties), properties }
}

export const skillOf = ({ name }: Pick<AnyOperation, 'name'>): string => name.split('.')[0] ?? name

/** Drops `$schema`, and adds the null that joi leaves out of a nullable enum. */
function clean(value: Json): Json {
  const cleaned = Object.entries(value)
    .filter(([key]) => key !== '$schema')
    .map(([key, inner]) => [key, cleanWithin(inner)] as const)
  const schema: Json = Object.fromEntries(cleaned)
  if (!mayBeNull(schema) || !Array.isArray(schema.enum) || schema.enum.includes(null)) return schema
  return { ...schema, enum: [...(schema.enum as unknown[]), null] }
}

function cleanWithin(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cleanWithin)
  return isObject(value) ? clean(value) : value
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const mayBeNull = ({ type }: Json): boolean => Array.isArray(type) && type.includes('null')

/** The schema without null, so that a nullable use of a named shape still matches its component. */
function withoutNull(schema: Json): Json {
  if (!mayBeNull(schema)) return schema
  const types = (schema.type as unknown[]).filter(type => type !== 'null')
  const choice = Array.isArray(schema.enum) ? { enum: schema.enum.filter(value => value !== null) as unknown[] } : {}
  return { ...schema, type: types.length === 1 ? types[0] : types, ...choice }
}
