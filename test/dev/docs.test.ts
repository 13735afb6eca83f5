import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { findOutdatedFiles, generateDocs } from '../../dev/generate-docs'
import { schemaToType } from '../../dev/docs/schema-to-type'
import { noExamples } from '../../kernel/docs/examples'
import { createSchemaComponents } from '../../kernel/docs/schema-components'
import { event } from '../../kernel/events/event'
import { operation } from '../../kernel/pipeline/operation'
import { pageOf } from '../../kernel/pipeline/paging'
import { createRegistry } from '../../kernel/pipeline/registry'
import {
  count,
  done,
  boolean,
  type Field,
  id,
  list,
  literal,
  named,
  emptyObject,
  nullable,
  oneOf,
} from '../../kernel/pipeline/schema'
import { optional, record, shape, outputText } from '../../kernel/pipeline/schema'
import { likeTrack } from '../../skills/interactions/like-track'
import { getTrack } from '../../skills/tracks/get-track'
import { getMe } from '../../skills/user-profile/get-me'

const root = resolve(__dirname, '..', '..')
const provision = () => Promise.reject(new Error('no call signs in'))

/** A list of one operation with this output. */
const answering = (output: Field<unknown>) =>
  operation({
    ...{ name: 'test.readIt', route: 'GET /it', summary: 'Read */ it.', auth: 'public', idempotency: 'read' },
    ...{ input: emptyObject, output, limit: { perMinute: 1 } },
    load: async () => null,
    allow: () => true,
    run: async () => null,
  })

function typeOf(field: Field<unknown>): string {
  return schemaToType(createSchemaComponents(createRegistry([{ answer: answering(field) }], provision)).schemaOf(field))
}

const person = named('Person', shape({ id }))

describe('the TypeScript type of a schema', () => {
  it.each<[string, Field<unknown>, string]>([
    ['text', outputText, 'string'],
    ['an id', id, 'string'],
    ['a number', count, 'number'],
    ['a flag', boolean, 'boolean'],
    ['one of several', oneOf('a', 'b'), '"a" | "b"'],
    ['a literal', literal('x'), '"x"'],
    ['a nullable value', nullable(count), 'number | null'],
    ['a nullable choice', nullable(oneOf('a', 'b')), '"a" | "b" | null'],
    ['a list', list(oneOf('a', 'b'), 3), '("a" | "b")[]'],
    ['a map', record(list(id, 3)), 'Record<string, (string)[]>'],
    ['an object', shape({ a: id, b: optional(boolean) }), '{ "a": string; "b"?: boolean }'],
    ['a nested object', shape({ a: shape({ b: done }) }), '{ "a": { "b": { "done": true } } }'],
    ['no fields', emptyObject, 'Record<string, never>'],
    ['a named object', person, 'Person'],
    ['a nullable named object', shape({ by: nullable(person) }), '{ "by": Person | null }'],
    ['an optional named object', shape({ by: optional(person) }), '{ "by"?: Person }'],
    ['a list of named objects', list(person, 9), '(Person)[]'],
  ])('of %s', (_what, field, type) => {
    expect(typeOf(field)).toBe(type)
  })

  it.each([
    [{}, 'unknown'],
    [{ description: 'Anything.' }, 'unknown'],
    [{ const: 1 }, '1'],
    [{ type: 'object' }, 'Record<string, unknown>'],
    [{ type: 'array' }, '(unknown)[]'],
    [{ type: ['string', 'integer', 'number'] }, 'string | number'],
  ])('of %j', (schema, type) => {
    expect(schemaToType(schema)).toBe(type)
  })

  it('is rejected for an unknown schema', () => {
    expect(() => schemaToType({ allOf: [{}] })).toThrow('no type for the schema {"allOf":[{}]}')
    expect(() => schemaToType({ anyOf: [true] })).toThrow('not a schema: true')
  })
})

describe('the schema registry', () => {
  it('lists a nullable object once, as the object itself', () => {
    const field = shape({ by: nullable(person), mood: nullable(oneOf('good')) })
    const book = createSchemaComponents(createRegistry([{ answer: answering(field) }], provision))
    expect(book.components()).toMatchObject({ Person: { type: 'object', required: ['id'] } })
    expect(book.schemaOf(field).properties).toEqual({
      by: { anyOf: [{ $ref: '#/components/schemas/Person' }, { type: 'null' }] },
      mood: { type: ['string', 'null'], enum: ['good', null] },
    })
  })

  it('rejects two objects of one name', () => {
    const eventPayload = shape({ by: named('Person', shape({ handle: outputText })) })
    const happened = event({
      name: 'test.itHappened',
      summary: 'It happened',
      payload: eventPayload,
      channels: () => ['user:1'],
    })
    const registry = createRegistry([{ answer: answering(person), happened }], provision)
    expect(() => createSchemaComponents(registry)).toThrow('two different shapes are named Person')
  })
})

describe('the generated files', () => {
  const registry = createRegistry([{ likeTrack, getTrack, getMe, answer: answering(pageOf(person)) }], provision)

  it('contain types, pages and routes of the operations, and a generated-file notice', async () => {
    const source = (await generateDocs(root, registry, noExamples)).get('client/operations.ts') ?? ''
    expect(source.split('\n')[0]).toContain('Generated by `npm run docs`')
    expect(source).toContain('export interface Person {\n  id: string\n}\n')
    expect(source).toContain(
      `'interactions.likeTrack': { input: { trackId: string }; data: ViewerReaction; page: false }`,
    )
    expect(source).toContain(`'test.readIt': { input: Record<string, never>; data: Person[]; page: true }`)
    expect(source).toContain(`'interactions.likeTrack': 'PUT /tracks/:trackId/like',`)
    expect(source).not.toMatch(/^import /m)
    expect(source).not.toContain('Read */ it')
  })

  it('are reported as drifted when one is missing or edited', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tutti-docs-'))
    try {
      await copyFile(join(root, '.prettierrc.json'), join(folder, '.prettierrc.json'))
      const files = await generateDocs(folder, registry, noExamples)
      expect(await findOutdatedFiles(folder, files)).toEqual([...files.keys()])
      for (const [path, text] of files) {
        await mkdir(join(folder, dirname(path)), { recursive: true })
        await writeFile(join(folder, path), text)
      }
      expect(await findOutdatedFiles(folder, files)).toEqual([])
      await writeFile(join(folder, 'docs', 'openapi.json'), '{}\n')
      expect(await findOutdatedFiles(folder, files)).toEqual(['docs/openapi.json'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
