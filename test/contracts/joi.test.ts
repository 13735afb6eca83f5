import { list, named, optional, shape, text } from '../../kernel/pipeline/schema'
import { jsonSchema, namedSchemasWithin, schemaName } from '../../kernel/pipeline/schema-inspection'
import { describeContract } from './describe-contract'

describeContract('joi', '18.3', 'kernel/pipeline/schema.ts and schema-inspection.ts', () => {
  const song = named(
    'Song',
    shape({ title: text(20), tags: optional(list(named('Tag', shape({ name: text(9) })), 3)) }),
  )

  it('`$_terms` has the keys of an object, the items of a list and the metas', () => {
    expect(song.$_terms).toMatchObject({
      keys: [{ key: 'title' }, { key: 'tags' }],
      metas: [{ name: 'Song' }],
    })
    expect(schemaName(song)).toBe('Song')
    expect([...namedSchemasWithin(song).keys()]).toEqual(['Song', 'Tag'])
  })

  it('`$_getFlag` tells whether `optional` or `required` was called', () => {
    expect(text(5).$_getFlag('presence')).toBeUndefined()
    expect([text(5).required(), optional(text(5))].map(field => field.$_getFlag('presence') as unknown)).toEqual([
      'required',
      'optional',
    ])
  })

  it('`~standard` makes a JSON Schema with the required keys', () => {
    expect(jsonSchema(song)).toMatchObject({ type: 'object', required: ['title'], additionalProperties: false })
  })
})
