import { type Field } from './schema'

/** Converts text from query strings and paths to the numbers and booleans that the schema expects. */
export function coerceText(field: Field<unknown>, raw: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, readText(fieldAt(field, key), value)]))
}

export const hasField = (field: Field<unknown>, key: string): boolean => fieldAt(field, key) !== undefined

export function schemaName(field: Field<unknown>): string | undefined {
  const metas = field.$_terms.metas as { name?: string }[]
  return metas.findLast(meta => meta.name !== undefined)?.name
}

/** JSON Schema (draft 2020-12) of a field, as OpenAPI 3.1 and AsyncAPI 3 use it. */
export function jsonSchema(field: Field<unknown>): Record<string, unknown> {
  const standard = (field as unknown as { '~standard': StandardJsonSchema })['~standard']
  return standard.jsonSchema.input({ target: 'draft-2020-12' })
}

/** All named shapes within `field`, itself included. */
export function namedSchemasWithin(
  field: Field<unknown>,
  found = new Map<string, Field<unknown>>(),
): Map<string, Field<unknown>> {
  const name = schemaName(field)
  if (name !== undefined) found.set(name, field)
  const terms = field.$_terms as { keys?: { schema: Field<unknown> }[] | null; items?: Field<unknown>[] }
  for (const key of terms.keys ?? []) namedSchemasWithin(key.schema, found)
  for (const item of terms.items ?? []) namedSchemasWithin(item, found)
  return found
}

interface StandardJsonSchema {
  jsonSchema: { input(options: { target: 'draft-2020-12' }): Record<string, unknown> }
}

function keysOf(field: Field<unknown>): ReadonlyMap<string, Field<unknown>> {
  const cached = keysOfFields.get(field)
  if (cached !== undefined) return cached
  const keys = (field.$_terms.keys ?? []) as { key: string; schema: Field<unknown> }[]
  const created = new Map(keys.map(({ key, schema }) => [key, schema]))
  keysOfFields.set(field, created)
  return created
}

/** Memoises the keys of a schema, which are read several times per REST request. */
const keysOfFields = new WeakMap<Field<unknown>, ReadonlyMap<string, Field<unknown>>>()

const fieldAt = (field: Field<unknown>, key: string) => keysOf(field).get(key)

function readText(field: Field<unknown> | undefined, value: unknown): unknown {
  if (typeof value !== 'string' || field === undefined) return value
  if (field.type === 'number' && /^-?\d{1,15}(\.\d{1,10})?$/.test(value)) return Number(value)
  if (field.type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true'
  return value
}
