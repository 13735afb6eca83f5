import { DataTypes, type Model, type ModelStatic } from 'sequelize'
import { models } from '../../models'
import { createTestApp, type TestApp } from '../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

interface Column {
  name: string
  type: string
  isNullable: boolean
  hasDefault: boolean
}

const columnsOf = (table: string): Promise<Column[]> =>
  testApp.app.db.query<Column>(
    `select attname as name, format_type(atttypid, null) as type, not attnotnull as "isNullable", atthasdef as "hasDefault"
     from pg_attribute where attrelid = cast(:table as regclass) and attnum > 0 and not attisdropped`,
    { table },
  )

/** Columns that only SQL reads and writes: no view of a model may include them. */
const sqlOnly: Readonly<Record<string, readonly string[]>> = {
  tracks: ['secret'],
  profiles: ['history_enabled'],
  plays: ['is_aggregated'],
}

const typeIn = (postgres: string): string =>
  ({
    'character varying': 'TEXT',
    'timestamp with time zone': 'DATE',
    'double precision': 'DOUBLE PRECISION',
    'integer[]': 'ARRAY',
    bytea: 'BLOB',
  })[postgres] ?? postgres.toUpperCase()

const each = (models as unknown as ModelStatic<Model>[]).map(model => [model.name, model] as const)

describe.each(each)('the model %s', (_name, model) => {
  it('agrees with its table on names, types and nullability', async () => {
    const table = model.tableName
    const columns = await columnsOf(table)
    const declared = Object.values(model.getAttributes()).map(attribute => ({
      name: attribute.field ?? '',
      type: attribute.type instanceof DataTypes.ABSTRACT ? attribute.type.key : String(attribute.type),
      isNullable: attribute.primaryKey !== true && attribute.allowNull !== false,
    }))
    const expected = columns
      .filter(({ name }) => !(sqlOnly[table] ?? []).includes(name))
      .map(({ name, type, isNullable }) => ({ name, type: typeIn(type), isNullable }))
    const byName = (one: { name: string }, other: { name: string }) => (one.name < other.name ? -1 : 1)
    expect(declared.sort(byName)).toEqual(expected.sort(byName))
    for (const name of sqlOnly[table] ?? []) expect(columns.map(column => column.name)).toContain(name)
  })

  it('has a default for every column that a new row may omit', async () => {
    const columns = await columnsOf(model.tableName)
    for (const { field, defaultValue } of Object.values(model.getAttributes()))
      if (defaultValue !== undefined)
        expect(columns.find(({ name }) => name === field)).toMatchObject({ hasDefault: true })
  })
})
