import { randomUUID } from 'node:crypto'
import { type Field } from '../kernel/pipeline/schema'
import { jsonSchema } from '../kernel/pipeline/schema-inspection'

interface Schema {
  type?: string | string[]
  format?: string
  enum?: unknown[]
  const?: unknown
  pattern?: string
  minimum?: number
  minLength?: number
  minItems?: number
  anyOf?: Schema[]
  items?: Schema
  required?: string[]
  properties?: Record<string, Schema>
}

/** Valid values for fields whose pattern is too specific to generate one. */
const knownValues: Record<string, unknown> = {
  secret: 's'.repeat(43),
  sha256: 'ab'.repeat(32),
  handleOrId: 'nobodyhere',
  until: new Date(0).toISOString(),
}

const sampleId = randomUUID()

/** A valid input with only the required fields; its ids do not exist. */
export const sampleInput = (field: Field<unknown>): Record<string, unknown> =>
  sample(jsonSchema(field), '') as Record<string, unknown>

/** `sha256` is optional in the schema, but required for small files like those of a sample. */
const requiredFields = ({ required = [], properties = {} }: Schema) =>
  'sha256' in properties && !required.includes('sha256') ? [...required, 'sha256'] : required

function sample(schema: Schema, name: string): unknown {
  if (name in knownValues) return knownValues[name]
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum.find(value => value !== null)
  if (schema.anyOf?.[0] !== undefined) return sample(schema.anyOf[0], name)
  const type = Array.isArray(schema.type) ? schema.type.find(one => one !== 'null') : schema.type
  switch (type) {
    case 'object':
      return Object.fromEntries(requiredFields(schema).map(key => [key, sample(schema.properties?.[key] ?? {}, key)]))
    case 'array':
      return Array.from({ length: schema.minItems ?? 1 }, () => sample(schema.items ?? {}, name))
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 0, 1)
    case 'boolean':
      return true
    default:
      return schema.format === 'uuid' || /id$/i.test(name) ? sampleId : 'a'.repeat(Math.max(schema.minLength ?? 0, 3))
  }
}
