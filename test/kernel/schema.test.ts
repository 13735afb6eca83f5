import fc from 'fast-check'
import { Refusal } from '../../kernel/pipeline/refusals'
import {
  count,
  fieldErrorsMax,
  type Field,
  boolean,
  id,
  timestamp,
  line,
  list,
  named,
  nullable,
  number,
  oneOf,
  optional,
  parse,
  record,
  shape,
  text,
  type Value,
  integer,
} from '../../kernel/pipeline/schema'
import { coerceText, jsonSchema, schemaName } from '../../kernel/pipeline/schema-inspection'

const anId = '01890a5d-ac96-774b-bcce-b302099a8057'

/** The field errors as `path: code`. */
function errorsOf(field: Field<unknown>, raw: unknown): string[] {
  try {
    parse(field, raw)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    expect(error.kind.code).toBe('invalid_input')
    return (error.extras.errors ?? []).map(({ path, code }) => `${path}: ${code}`)
  }
  return []
}

const song = shape({
  title: line(20),
  notes: optional(text(50)),
  genre: nullable(line(10)),
  tempo: integer(20, 300),
  mood: oneOf('calm', 'wild'),
  explicit: boolean,
  artist: shape({ id }),
})

const valid = { title: 'Ode', genre: null, tempo: 120, mood: 'calm', explicit: false, artist: { id: anId } }

describe('a shape', () => {
  it('infers what is required, optional and nullable', () => {
    // Compiles only if the inferred type is exactly this.
    const value: Value<typeof song> = parse(song, valid)
    const same: {
      title: string
      notes?: string
      genre: string | null
      tempo: number
      mood: 'calm' | 'wild'
      explicit: boolean
      artist: { id: string }
    } = value
    expect(same).toEqual(valid)
  })

  it('reports all field errors at once, by path', () => {
    const invalid = {
      title: '',
      tempo: 120.5,
      mood: 'loud',
      explicit: 'yes',
      artist: { id: 'x', role: 'admin' },
      likes: 9,
    }
    expect(errorsOf(song, invalid).sort()).toEqual([
      'artist.id: invalid_uuid',
      'artist.role: unknown_field',
      'explicit: not_a_boolean',
      'genre: required',
      'likes: unknown_field',
      'mood: not_allowed',
      'tempo: not_an_integer',
      'title: empty',
    ])
  })

  it(`reports at most ${fieldErrorsMax} of them`, () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x${index}`, 1]))
    expect(errorsOf(shape({}), many)).toHaveLength(fieldErrorsMax)
  })

  it.each([null, undefined, [], 'text', '{}', 7, true])('rejects %j', raw => {
    expect(errorsOf(shape({ title: line(5) }), raw)).toHaveLength(1)
  })

  it('converts nothing: text is not a number, flag, list or object', () => {
    const all = shape({ a: integer(0, 9), b: boolean, c: list(line(5), 3), d: shape({}), e: number(0, 1) })
    const raw = { a: '1', b: 'true', c: '["x"]', d: '{}', e: '0.5' }
    expect(errorsOf(all, raw)).toHaveLength(5)
    expect(errorsOf(all, { a: 1, b: 1, c: { 0: 'x' }, d: [], e: Infinity })).toHaveLength(4)
  })

  it('accepts ids in either case, returns them in lower case, and rejects other forms', () => {
    expect(parse(shape({ id }), { id: anId.toUpperCase() })).toEqual({ id: anId })
    for (const other of [`{${anId}}`, anId.replaceAll('-', ''), ` ${anId}`, `${anId}\n`])
      expect(errorsOf(shape({ id }), { id: other })).toContain('id: invalid_uuid')
  })

  it('limits counts to safe non-negative integers', () => {
    for (const invalid of [-1, 0.5, Number.MAX_SAFE_INTEGER + 2, NaN])
      expect(errorsOf(shape({ n: count }), { n: invalid })).toHaveLength(1)
  })
})

describe('user-written text', () => {
  const of = (field: Field<string>) => shape({ text: field })
  const faults = (raw: string, field = line(20)) => errorsOf(of(field), { text: raw })

  it('is trimmed and NFC-normalized before its length is checked', () => {
    expect(parse(of(line(4)), { text: '  Cafe\u0301  ' })).toEqual({ text: 'Caf\u00e9' })
  })

  it.each([
    ['NUL', 'a\u0000b', 'nul_character'],
    ['a bell character', 'a\u0007b', 'control_characters'],
    ['an escape character', 'a\u001b[31mb', 'control_characters'],
    ['a C1 control', 'a\u0085b', 'control_characters'],
    ['a line break', 'a\nb', 'control_characters'],
    ['a line separator', 'a\u2028b', 'control_characters'],
    ['a lone high surrogate', 'a\ud800b', 'control_characters'],
    ['a lone low surrogate', 'a\udc00b', 'control_characters'],
    ['only spaces', ' \u00a0\u3000 ', 'empty'],
    ['only zero-width characters', '\u200b\u200d\u2060', 'empty'],
    ['only direction marks', '\u202e\u200f', 'empty'],
    ['too long a text', 'x'.repeat(21), 'too_long'],
  ])('rejects %s in a single line', (_what, raw, code) => {
    expect(faults(raw)).toEqual([`text: ${code}`])
  })

  it.each(['👩‍👩‍👧', 'שלום', 'e\u0308\u0304', '𝄞 ♫', 'a\u00a0b'])('accepts %s', raw => {
    expect(parse(of(line(20)), { text: raw })).toEqual({ text: raw.normalize('NFC') })
  })

  it('may contain line breaks in multi-line fields, and be empty only where allowed', () => {
    expect(parse(of(text(20)), { text: 'a\n\tb' })).toEqual({ text: 'a\n\tb' })
    expect(faults('a\u0000b', text(20))).toEqual(['text: nul_character'])
    expect(faults('a\u001bb', text(20))).toEqual(['text: control_characters'])
    expect(faults('', text(20))).toEqual(['text: empty'])
    expect(parse(of(text(20, 0)), { text: '  ' })).toEqual({ text: '' })
  })

  it('never contains control characters or lone surrogates, or exceeds its length', () => {
    const hostile = fc.array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('\u0000', '\ud800', '\u202e', '\u0301', '\u0007', '\n', 'é'),
      ),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(hostile, pieces => {
        const raw = pieces.join('')
        if (faults(raw).length > 0) return
        const out = parse(of(line(20)), { text: raw }).text
        expect(out).toMatch(/^[^\p{Cc}\p{Cs}]+$/u)
        expect(out).toBe(out.normalize('NFC').trim())
        expect(out.length).toBeLessThanOrEqual(20)
      }),
    )
  })
})

describe('hostile input', () => {
  const open = record(record(line(10)))

  it('with __proto__ at any depth is rejected, and pollutes no prototype', () => {
    const raw: unknown = JSON.parse('{"a":{"__proto__":{"polluted":"yes"}}}')
    expect(errorsOf(open, raw)).toEqual(['a.__proto__: unknown_field'])
    expect(errorsOf(shape({}), JSON.parse('{"__proto__":{}}'))).toEqual(['__proto__: unknown_field'])
    expect(errorsOf(shape({}), JSON.parse('{"constructor":{"prototype":{}}}'))).toEqual(['constructor: unknown_field'])
    expect('polluted' in {}).toBe(false)
  })

  it('with NUL in a value or a name at any depth is rejected', () => {
    expect(errorsOf(open, { a: { b: 'x\u0000' } })).toEqual(['a.b: nul_character'])
    expect(errorsOf(open, { a: { 'b\u0000': 'x' } })).toEqual(['a: nul_character'])
  })

  it('that is binary is rejected', () => {
    expect(errorsOf(shape({ a: line(10) }), { a: Buffer.from('x') })).toEqual(['a: binary'])
  })

  it('nested thousands of levels deep is rejected without recursion', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(15_000)}${']'.repeat(15_000)}`)
    expect(errorsOf(shape({ a: line(10) }), { a: deep })).toEqual(['a: not_a_string'])
  })

  it('of any kind never makes the parser throw anything but a refusal', () => {
    fc.assert(fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), raw => void errorsOf(song, raw)))
  })
})

describe('coerceText', () => {
  const query = shape({ limit: optional(integer(1, 50)), only: optional(boolean), label: optional(line(10)) })
  const read = (raw: Record<string, unknown>) => errorsOf(query, coerceText(query, raw))

  it('converts expected numbers and flags, and leaves text as it is', () => {
    expect(coerceText(query, { limit: '5', only: 'true', label: '5' })).toEqual({ limit: 5, only: true, label: '5' })
  })

  it.each(['1e3', '1e9', '0x10', '-1', '1.5', '51', '', ' 5', '5 ', 'NaN', 'Infinity', '999999999999999999999'])(
    'rejects the limit %j',
    limit => {
      expect(read({ limit })).toHaveLength(1)
    },
  )

  it('rejects repeated parameters, and does not parse nested names', () => {
    expect(read({ limit: ['1', '2'] })).toEqual(['limit: not_a_number'])
    expect(read({ 'limit[gt]': '1' })).toEqual(['limit[gt]: unknown_field'])
    expect(read(JSON.parse('{"__proto__":"1"}') as Record<string, unknown>)).toEqual(['__proto__: unknown_field'])
  })
})

describe('jsonSchema', () => {
  it('states required, nullable and forbidden additional fields', () => {
    const schema = jsonSchema(song) as { required: string[]; properties: Record<string, unknown> }
    expect(schema.required.sort()).toEqual(['artist', 'explicit', 'genre', 'mood', 'tempo', 'title'])
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false })
    expect(JSON.stringify(schema.properties.genre)).toContain('null')
    expect(schema.properties.tempo).toMatchObject({ type: 'integer', minimum: 20, maximum: 300 })
    expect(schema.properties.mood).toMatchObject({ enum: ['calm', 'wild'] })
  })

  it('keeps optional fields optional, also named, nullable or in lists', () => {
    const field = shape({ a: optional(nullable(count)), b: optional(list(timestamp, 3)), c: named('C', shape({})) })
    expect(jsonSchema(field)).toMatchObject({ required: ['c'] })
    expect(schemaName(named('Song', song))).toBe('Song')
  })
})
