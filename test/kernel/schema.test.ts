import fc from 'fast-check'
import { Refusal } from '../../kernel/pipeline/refusals'
import {
  count,
  fieldErrorsMax,
  type Field,
  boolean,
  coerceText,
  id,
  timestamp,
  jsonSchema,
  line,
  list,
  named,
  nullable,
  number,
  oneOf,
  optional,
  parse,
  record,
  schemaName,
  shape,
  text,
  type Value,
  integer,
} from '../../kernel/pipeline/schema'

const anId = '01890a5d-ac96-774b-bcce-b302099a8057'

/** The faults as `path: code`. */
function faultsOf(field: Field<unknown>, raw: unknown): string[] {
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

const good = { title: 'Ode', genre: null, tempo: 120, mood: 'calm', explicit: false, artist: { id: anId } }

describe('a shape', () => {
  it('infers what is required, optional and nullable', () => {
    // Compiles only while the inferred type is exactly this.
    const value: Value<typeof song> = parse(song, good)
    const same: {
      title: string
      notes?: string
      genre: string | null
      tempo: number
      mood: 'calm' | 'wild'
      explicit: boolean
      artist: { id: string }
    } = value
    expect(same).toEqual(good)
  })

  it('tells every fault at once, by path', () => {
    const bad = { title: '', tempo: 120.5, mood: 'loud', explicit: 'yes', artist: { id: 'x', role: 'admin' }, likes: 9 }
    expect(faultsOf(song, bad).sort()).toEqual([
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

  it(`tells at most ${fieldErrorsMax} of them`, () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x${index}`, 1]))
    expect(faultsOf(shape({}), many)).toHaveLength(fieldErrorsMax)
  })

  it.each([null, undefined, [], 'text', '{}', 7, true])('is not %j', raw => {
    expect(faultsOf(shape({ title: line(5) }), raw)).toHaveLength(1)
  })

  it('converts nothing: text is no number, no flag, no list and no object', () => {
    const all = shape({ a: integer(0, 9), b: boolean, c: list(line(5), 3), d: shape({}), e: number(0, 1) })
    const raw = { a: '1', b: 'true', c: '["x"]', d: '{}', e: '0.5' }
    expect(faultsOf(all, raw)).toHaveLength(5)
    expect(faultsOf(all, { a: 1, b: 1, c: { 0: 'x' }, d: [], e: Infinity })).toHaveLength(4)
  })

  it('takes ids in either case and gives them in lower case, but in no other form', () => {
    expect(parse(shape({ id }), { id: anId.toUpperCase() })).toEqual({ id: anId })
    for (const other of [`{${anId}}`, anId.replaceAll('-', ''), ` ${anId}`, `${anId}\n`])
      expect(faultsOf(shape({ id }), { id: other })).toContain('id: invalid_uuid')
  })

  it('keeps counts whole, safe and not negative', () => {
    for (const bad of [-1, 0.5, Number.MAX_SAFE_INTEGER + 2, NaN])
      expect(faultsOf(shape({ n: count }), { n: bad })).toHaveLength(1)
  })
})

describe('text from people', () => {
  const of = (field: Field<string>) => shape({ text: field })
  const faults = (raw: string, field = line(20)) => faultsOf(of(field), { text: raw })

  it('is trimmed and NFC before it is measured', () => {
    expect(parse(of(line(4)), { text: '  Cafe\u0301  ' })).toEqual({ text: 'Caf\u00e9' })
  })

  it.each([
    ['NUL', 'a\u0000b', 'nul_character'],
    ['a bell', 'a\u0007b', 'control_characters'],
    ['an escape', 'a\u001b[31mb', 'control_characters'],
    ['a C1 control', 'a\u0085b', 'control_characters'],
    ['a line break', 'a\nb', 'control_characters'],
    ['a line separator', 'a\u2028b', 'control_characters'],
    ['a lone high surrogate', 'a\ud800b', 'control_characters'],
    ['a lone low surrogate', 'a\udc00b', 'control_characters'],
    ['only spaces', ' \u00a0\u3000 ', 'empty'],
    ['only zero-width characters', '\u200b\u200d\u2060', 'empty'],
    ['only direction marks', '\u202e\u200f', 'empty'],
    ['too much', 'x'.repeat(21), 'too_long'],
  ])('may not hold %s in a line', (_what, raw, code) => {
    expect(faults(raw)).toEqual([`text: ${code}`])
  })

  it.each(['👩‍👩‍👧', 'שלום', 'e\u0308\u0304', '𝄞 ♫', 'a\u00a0b'])('may be %s', raw => {
    expect(parse(of(line(20)), { text: raw })).toEqual({ text: raw.normalize('NFC') })
  })

  it('may break lines where many are allowed, and be empty only where that is', () => {
    expect(parse(of(text(20)), { text: 'a\n\tb' })).toEqual({ text: 'a\n\tb' })
    expect(faults('a\u0000b', text(20))).toEqual(['text: nul_character'])
    expect(faults('a\u001bb', text(20))).toEqual(['text: control_characters'])
    expect(faults('', text(20))).toEqual(['text: empty'])
    expect(parse(of(text(20, 0)), { text: '  ' })).toEqual({ text: '' })
  })

  it('comes out with no control character, no lone surrogate, within its length, or not at all', () => {
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

describe('what must never come in', () => {
  const open = record(record(line(10)))

  it('is a __proto__, however deep, and nothing is polluted', () => {
    const raw: unknown = JSON.parse('{"a":{"__proto__":{"polluted":"yes"}}}')
    expect(faultsOf(open, raw)).toEqual(['a.__proto__: unknown_field'])
    expect(faultsOf(shape({}), JSON.parse('{"__proto__":{}}'))).toEqual(['__proto__: unknown_field'])
    expect(faultsOf(shape({}), JSON.parse('{"constructor":{"prototype":{}}}'))).toEqual(['constructor: unknown_field'])
    expect('polluted' in {}).toBe(false)
  })

  it('is a NUL, in a value or a name, however deep', () => {
    expect(faultsOf(open, { a: { b: 'x\u0000' } })).toEqual(['a.b: nul_character'])
    expect(faultsOf(open, { a: { 'b\u0000': 'x' } })).toEqual(['a: nul_character'])
  })

  it('is binary', () => {
    expect(faultsOf(shape({ a: line(10) }), { a: Buffer.from('x') })).toEqual(['a: binary'])
  })

  it('is nested without end: thousands of levels are refused, not followed by recursion', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(15_000)}${']'.repeat(15_000)}`)
    expect(faultsOf(shape({ a: line(10) }), { a: deep })).toEqual(['a: not_a_string'])
  })

  it('is anything at all that is not as declared: no value makes the parser throw something else', () => {
    fc.assert(fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), raw => void faultsOf(song, raw)))
  })
})

describe('fromText', () => {
  const query = shape({ limit: optional(integer(1, 50)), only: optional(boolean), word: optional(line(10)) })
  const read = (raw: Record<string, unknown>) => faultsOf(query, coerceText(query, raw))

  it('reads the numbers and flags that are expected, and leaves text as it is', () => {
    expect(coerceText(query, { limit: '5', only: 'true', word: '5' })).toEqual({ limit: 5, only: true, word: '5' })
  })

  it.each(['1e3', '1e9', '0x10', '-1', '1.5', '51', '', ' 5', '5 ', 'NaN', 'Infinity', '999999999999999999999'])(
    'refuses the limit %j',
    limit => {
      expect(read({ limit })).toHaveLength(1)
    },
  )

  it('refuses a parameter that comes twice, and names that only look like nesting', () => {
    expect(read({ limit: ['1', '2'] })).toEqual(['limit: not_a_number'])
    expect(read({ 'limit[gt]': '1' })).toEqual(['limit[gt]: unknown_field'])
    expect(read(JSON.parse('{"__proto__":"1"}') as Record<string, unknown>)).toEqual(['__proto__: unknown_field'])
  })
})

describe('jsonSchema', () => {
  it('says what is required, what may be null, and that nothing else is allowed', () => {
    const schema = jsonSchema(song) as { required: string[]; properties: Record<string, unknown> }
    expect(schema.required.sort()).toEqual(['artist', 'explicit', 'genre', 'mood', 'tempo', 'title'])
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false })
    expect(JSON.stringify(schema.properties.genre)).toContain('null')
    expect(schema.properties.tempo).toMatchObject({ type: 'integer', minimum: 20, maximum: 300 })
    expect(schema.properties.mood).toMatchObject({ enum: ['calm', 'wild'] })
  })

  it('keeps optional fields optional when they are named, nullable or lists', () => {
    const field = shape({ a: optional(nullable(count)), b: optional(list(timestamp, 3)), c: named('C', shape({})) })
    expect(jsonSchema(field)).toMatchObject({ required: ['c'] })
    expect(schemaName(named('Song', song))).toBe('Song')
  })
})
