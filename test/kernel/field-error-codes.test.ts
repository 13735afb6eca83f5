import fc from 'fast-check'
import { protocolSchemas } from '../../kernel/events/protocol'
import { Refusal } from '../../kernel/pipeline/refusals'
import {
  boolean,
  count,
  type Field,
  fieldErrorCodes,
  id,
  integer,
  line,
  list,
  literal,
  nullable,
  number,
  oneOf,
  outputText,
  parse,
  pattern,
  record,
  shape,
  text,
  timestamp,
  url,
} from '../../kernel/pipeline/schema'
import { registry } from '../../skills'

function codesOf(field: Field<unknown>, raw: unknown): string[] {
  try {
    parse(field, raw)
    return []
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return (error.extras.errors ?? []).map(({ code }) => code)
  }
}

describe('field error codes', () => {
  /** Rules that change a value instead of refusing it. */
  const converting = new Set(['trim', 'case', 'normalize'])
  /** Rules whose errors have other names than the rule, and own rules, which use the errors of joi. */
  const errorsOfRules: Record<string, readonly string[]> = {
    pattern: ['pattern.base', 'pattern.name'],
    uri: ['uri', 'uriCustomScheme'],
    integer: ['integer', 'infinity', 'unsafe'],
    custom: ['empty'],
  }

  interface Described {
    type: string
    flags?: { only?: boolean; presence?: string; unknown?: boolean }
    rules?: readonly { name: string }[]
    keys?: Record<string, Described>
    items?: readonly Described[]
    patterns?: readonly { rule: Described }[]
  }

  function possibleErrors({ type, rules = [], keys = {}, items = [], patterns = [] }: Described): string[] {
    const own = rules
      .filter(({ name }) => !converting.has(name))
      .flatMap(({ name }) => errorsOfRules[name] ?? [name])
      .map(name => `${type}.${name}`)
    const inner = [...Object.values(keys), ...items, ...patterns.map(({ rule }) => rule)]
    return [...(type === 'any' ? [] : [`${type}.base`]), ...own, ...inner.flatMap(possibleErrors)]
  }

  it('exist for every rule of every schema', () => {
    const fields = [
      ...registry.operations.flatMap(({ input, output }) => [input, output]),
      ...registry.events.map(({ payload }) => payload),
      ...registry.signals.map(({ data }) => data),
      ...protocolSchemas,
    ]
    const errors = new Set(fields.flatMap(field => possibleErrors(field.describe() as Described)))
    expect(errors.size).toBeGreaterThan(15)
    expect([...errors].filter(error => !(error in fieldErrorCodes))).toEqual([])
  })

  it('are our own for whatever is sent', () => {
    const all = shape({
      ...{ id, line: line(5), text: text(5, 2), pattern: pattern(/^a$/, 5), output: outputText, one: oneOf('a', 'b') },
      ...{ boolean, integer: integer(1, 5), number: number(0, 1), count, timestamp, url, record: record(line(5)) },
      ...{ list: list(line(5), 2, 1), shape: shape({ a: line(5) }), literal: literal('a'), nullable: nullable(count) },
    })
    const names = ['id', 'line', 'text', 'pattern', 'output', 'one', 'boolean', 'integer', 'number', 'count']
    const others = ['timestamp', 'url', 'record', 'list', 'shape', 'literal', 'nullable']
    const value = fc.oneof(
      fc.anything({ maxDepth: 2 }),
      fc.constantFrom(
        '',
        'x'.repeat(5_000),
        'ftp://a',
        2 ** 60,
        -(2 ** 60),
        1.5,
        NaN,
        Infinity,
        [],
        [undefined],
        [1, 2, 3],
      ),
    )
    const raw = fc.record(Object.fromEntries([...names, ...others].map(name => [name, value])), { requiredKeys: [] })
    fc.assert(
      fc.property(raw, sent => {
        expect(codesOf(all, sent)).not.toContain('invalid')
      }),
    )
  })
})
