import Joi from 'joi'
import { refusals, type FieldError } from './refusals'

/**
 * The only file that imports joi. A field is a joi schema that also carries the TypeScript type of its value, so that
 * validation, types and JSON Schema come from one declaration. Every field of a shape is required unless wrapped in
 * `optional`; unknown fields are refused; `parse` does not convert text to numbers or booleans.
 */
export type Field<T> = Joi.AnySchema & { readonly __value?: T }
export type Value<F> = F extends { readonly __value?: infer T } ? Exclude<T, undefined> : never
type Optional = { readonly __optional: true }
type Fields = Record<string, Field<unknown>>
type OptionalKeys<S> = { [K in keyof S]: S[K] extends Optional ? K : never }[keyof S]
export type Shape<S> = { [K in Exclude<keyof S, OptionalKeys<S>>]: Value<S[K]> } & {
  [K in OptionalKeys<S>]?: Value<S[K]>
}

export const fieldErrorsMax = 20

/** An object: every field is required unless `optional`, and unknown fields are refused. */
export function shape<S extends Fields>(fields: S): Field<Shape<S>> {
  const isPresenceSet = (field: Joi.AnySchema) => field.$_getFlag('presence') !== undefined
  const keys = Object.entries(fields).map(([name, field]) => [name, isPresenceSet(field) ? field : field.required()])
  return typed(Joi.object(Object.fromEntries(keys) as Joi.PartialSchemaMap).required())
}

/** Adds a description for the generated documents. */
export const described = <T>(field: Field<T>, text: string): Field<T> => typed(field.description(text))

/** A shape that the docs list once as a component with this name. */
export const named = <T>(name: string, field: Field<T>): Field<T> => typed(field.meta({ name }))

export const optional = <T>(field: Field<T>): Field<T> & Optional => field.optional() as Field<T> & Optional

export const nullable = <T>(field: Field<T>): Field<T | null> => typed(field.allow(null))

/** A UUID in lower case, hyphenated. */
export const id: Field<string> = typed(Joi.string().guid({ separator: '-', wrapper: false }).lowercase().max(36))

/** One line of text, trimmed, NFC, `1..max` characters, no control characters. */
export const line = (max: number): Field<string> => plain(Joi.string().trim().min(1).max(max), oneLine)

/** Text with line breaks, trimmed, NFC, `min..max` characters. */
export const text = (max: number, min = 1): Field<string> =>
  plain(min === 0 ? Joi.string().trim().allow('').max(max) : Joi.string().trim().min(min).max(max), manyLines)

/** Text that matches `form`. The expression must run in linear time; the length is checked first. */
export const pattern = (form: RegExp, max: number): Field<string> => typed(Joi.string().max(max).pattern(form))

/** Text produced by the server: neither trimmed nor normalised. */
export const outputText: Field<string> = typed(Joi.string().allow(''))

export const oneOf = <const V extends readonly string[]>(...values: V): Field<V[number]> =>
  typed(Joi.string().valid(...values))

export const literal = <const V extends string>(value: V): Field<V> => typed(Joi.string().valid(value))

export const boolean: Field<boolean> = typed(Joi.boolean().strict())

/** An integer within `min..max`. */
export const integer = (min: number, max: number): Field<number> =>
  typed(Joi.number().strict().integer().min(min).max(max))

/** Any finite number within `min..max`. */
export const number = (min: number, max: number): Field<number> => typed(Joi.number().strict().min(min).max(max))

/** An integer of 0 or more. */
export const count: Field<number> = integer(0, Number.MAX_SAFE_INTEGER)

/** An instant as ISO 8601 text in UTC with milliseconds. */
export const timestamp: Field<string> = typed(Joi.string().isoDate().max(30))

/** `min..max` items. The item schema is made optional because joi would demand a required item at least once. */
export const list = <T>(item: Field<T>, max: number, min = 0): Field<T[]> => {
  const items = Joi.array().items(item.optional()).max(max)
  return typed(min === 0 ? items : items.min(min))
}

/** An object used as a map. */
export const record = <T>(value: Field<T>): Field<Record<string, T>> =>
  typed(Joi.object().pattern(Joi.string().max(200), value))

/** Any JSON value. */
export const anyJson: Field<unknown> = typed(Joi.any())

/** A shape that allows unknown fields. */
export const allowUnknown = <T>(field: Field<T>): Field<T & Record<string, unknown>> =>
  typed((field as Joi.ObjectSchema).unknown(true))

/** An absolute http(s) URL. */
export const url: Field<string> = typed(
  Joi.string()
    .uri({ scheme: ['http', 'https'] })
    .max(4096),
)

export const emptyObject: Field<Record<string, never>> = shape({})

/** The output of operations that return no data. */
export const done: Field<{ done: true }> = shape({ done: typed<true>(Joi.boolean().strict().valid(true)) })
export const doneAnswer: Value<typeof done> = { done: true }

/**
 * Validates and returns the value, trimmed and normalised.
 * @throws `invalid_input` that lists all errors (at most `fieldErrorsMax`).
 */
export function parse<T>(field: Field<T>, raw: unknown): T {
  const forbidden = findForbidden(raw)
  if (forbidden !== undefined) throw refusals.invalidInput(undefined, { errors: [forbidden] })
  const result = withPreferences(field).validate(raw)
  if (result.error === undefined) return result.value as T
  throw refusals.invalidInput(undefined, { errors: result.error.details.slice(0, fieldErrorsMax).map(toFieldError) })
}

/** Memoises `prefs()`, which is a third of the cost of a small validation. */
function withPreferences(field: Joi.AnySchema): Joi.AnySchema {
  const cached = fieldsWithPreferences.get(field)
  if (cached !== undefined) return cached
  const created = field.prefs({ abortEarly: false, errors: { wrap: { label: false } }, messages })
  fieldsWithPreferences.set(field, created)
  return created
}

const fieldsWithPreferences = new WeakMap<Joi.AnySchema, Joi.AnySchema>()

const oneLine = /^[^\p{Cc}\p{Cs}\u2028\u2029]*$/u
const manyLines = /^[^\p{Cs}\u0000-\u0008\u000B-\u001F\u007F-\u009F]*$/u

function plain(field: Joi.StringSchema, form: RegExp): Field<string> {
  return typed(field.normalize('NFC').pattern(form, 'control characters').custom(refuseInvisible))
}

/** Refuses text that consists of invisible characters only (joiners, direction marks, spaces). */
function refuseInvisible(value: string, helpers: Joi.CustomHelpers): string | Joi.ErrorReport {
  if (value === '' || /[^\p{Cf}\p{Z}]/u.test(value)) return value
  return helpers.error('string.empty')
}

function typed<T>(field: Joi.AnySchema): Field<T> {
  return field
}

function toFieldError(detail: Joi.ValidationErrorItem): FieldError {
  return {
    path: detail.path.join('.'),
    code: fieldErrorCodes[detail.type] ?? 'invalid',
    message: detail.message.replaceAll('"', ''),
  }
}

/** Own messages for those of joi that would quote the value that was sent. */
const messages = {
  'string.guid': '{{#label}} must be a UUID',
  'string.pattern.base': '{{#label}} has the wrong format',
  'string.pattern.name': '{{#label}} must not contain {{#name}}',
}

/** The public codes of joi's errors. A test fails when a schema uses a rule whose error is missing here. */
export const fieldErrorCodes: Readonly<Record<string, string>> = {
  'any.required': 'required',
  'any.only': 'not_allowed',
  'object.base': 'not_an_object',
  'object.unknown': 'unknown_field',
  'array.base': 'not_an_array',
  'array.max': 'too_many_items',
  'array.min': 'too_few_items',
  'array.sparse': 'required',
  'string.base': 'not_a_string',
  'string.empty': 'empty',
  'string.max': 'too_long',
  'string.min': 'too_short',
  'string.guid': 'invalid_uuid',
  'string.pattern.base': 'invalid_format',
  'string.pattern.name': 'control_characters',
  'string.isoDate': 'invalid_timestamp',
  'string.uri': 'invalid_url',
  'string.uriCustomScheme': 'invalid_url_scheme',
  'number.base': 'not_a_number',
  'number.infinity': 'not_a_number',
  'number.integer': 'not_an_integer',
  'number.unsafe': 'too_large',
  'number.max': 'too_large',
  'number.min': 'too_small',
  'boolean.base': 'not_a_boolean',
}

/** Refuses, at any depth, `__proto__` keys, which joi drops silently, NUL, which PostgreSQL cannot store, and binary data. */
function findForbidden(raw: unknown): FieldError | undefined {
  const pending: { value: unknown; path: string }[] = [{ value: raw, path: '' }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, path } = next
    if (typeof value === 'string' && value.includes('\u0000'))
      return { path, code: 'nul_character', message: 'must not contain a NUL character' }
    if (typeof value !== 'object' || value === null) continue
    if (ArrayBuffer.isView(value)) return { path, code: 'binary', message: 'must not be binary' }
    for (const [key, inner] of Object.entries(value)) {
      const innerPath = path === '' ? key : `${path}.${key}`
      if (key.includes('\u0000')) return { path, code: 'nul_character', message: 'must not contain a NUL character' }
      if (key === '__proto__') return { path: innerPath, code: 'unknown_field', message: `${innerPath} is not allowed` }
      pending.push({ value: inner, path: innerPath.slice(0, 200) })
    }
  }
  return undefined
}
