import { type Json } from '../../kernel/docs/schema-components'

/**
 * The TypeScript type of a JSON Schema, for the subset of JSON Schema that our documents use. Ignores lengths, bounds and
 * formats; a `$ref` becomes the last segment of its path.
 * @throws Error on an unknown form, because a wrong type is worse than none.
 */
export function schemaToType(schema: Json): string {
  const { $ref, anyOf, type } = schema
  if (typeof $ref === 'string') return $ref.split('/').at(-1) ?? 'unknown'
  if (Array.isArray(anyOf)) return union(anyOf.map(one => schemaToType(toSchema(one))))
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (Array.isArray(schema.enum)) return union(schema.enum.map(value => JSON.stringify(value)))
  if (Array.isArray(type)) return union(type.map(one => schemaToType({ ...schema, type: one as unknown })))
  if (type === undefined && Object.keys(schema).every(key => key === 'description')) return 'unknown'
  const toType = typeof type === 'string' ? typesByName[type] : undefined
  if (toType === undefined) throw new Error(`no type for the schema ${JSON.stringify(schema)}`)
  return toType(schema)
}

const typesByName: Readonly<Record<string, (schema: Json) => string>> = {
  string: () => 'string',
  number: () => 'number',
  integer: () => 'number',
  boolean: () => 'boolean',
  null: () => 'null',
  array: ({ items }) => `(${items === undefined ? 'unknown' : schemaToType(toSchema(items))})[]`,
  object: typeOfObject,
}

/** An object with listed keys, or a map, which joi describes with `patternProperties`. */
function typeOfObject({ properties = {}, patternProperties = {}, required, additionalProperties }: Json): string {
  const values = Object.values(toSchema(patternProperties)).map(value => schemaToType(toSchema(value)))
  if (values.length > 0) return `Record<string, ${union(values)}>`
  const keys = Object.entries(toSchema(properties))
  if (keys.length === 0) return additionalProperties === false ? 'Record<string, never>' : 'Record<string, unknown>'
  const isRequired = (key: string) => Array.isArray(required) && required.includes(key)
  const lines = keys.map(
    ([key, value]) => `${JSON.stringify(key)}${isRequired(key) ? '' : '?'}: ${schemaToType(toSchema(value))}`,
  )
  return `{ ${lines.join('; ')} }`
}

const union = (types: readonly string[]): string => [...new Set(types)].join(' | ')

function toSchema(value: unknown): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new Error(`not a schema: ${JSON.stringify(value)}`)
}
