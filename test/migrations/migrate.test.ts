import { Client } from 'pg'
import { migrations } from '../../migrations'
import { profiles } from '../../migrations/2026-11-30-03-profiles'
import { migrateDown, migrateUp, missingMigrations } from '../../migrations/migrate'
import { freshDatabase } from '../stack'

const names = migrations.map(({ name }) => name)

async function query<R>(url: string, sql: string): Promise<R[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows as R[]
  } finally {
    await client.end()
  }
}

/** The schema that migrations create, from the system catalog. */
async function schemaOf(url: string): Promise<string[]> {
  const rows = await query<{ line: string }>(
    url,
    `select concat_ws(' ', 'column', table_name, column_name, data_type, udt_name, is_nullable, column_default, is_identity,
              generation_expression, character_maximum_length, collation_name) as line
       from information_schema.columns where table_schema = 'public'
     union all
     select concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
       from pg_constraint where connamespace = 'public'::regnamespace
     union all
     select concat_ws(' ', 'index', tablename, indexname, indexdef) from pg_indexes where schemaname = 'public'
     union all
     select concat_ws(' ', 'trigger', tgrelid::regclass, pg_get_triggerdef(oid)) from pg_trigger where not tgisinternal
       and tgrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
     union all
     select concat_ws(' ', 'function', pg_get_functiondef(p.oid)) from pg_proc p
       where pronamespace = 'public'::regnamespace and prokind = 'f'
       and not exists (select from pg_depend where objid = p.oid and deptype = 'e')
     union all
     select concat_ws(' ', 'type', typname, typtype) from pg_type where typnamespace = 'public'::regnamespace
       and not exists (select from pg_depend where objid = pg_type.oid and deptype = 'e')
     union all
     select concat_ws(' ', 'sequence', sequencename, start_value, increment_by) from pg_sequences where schemaname = 'public'
     union all
     select concat_ws(' ', 'extension', extname) from pg_extension where extname <> 'plpgsql'
     order by line`,
  )
  return rows.map(({ line }) => line)
}

describe('migrations', () => {
  it('run in the order of their names, each once', () => {
    expect(names).toEqual([...names].sort())
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(name).toMatch(/^\d{4}-\d\d-\d\d-\d\d-[a-z-]+$/)
  })

  it('migrate up, down to empty, and up to the same schema', async () => {
    await using database = await freshDatabase(null)
    expect(await migrateUp(database.url)).toEqual(names)
    const first = await schemaOf(database.url)
    expect(first.length).toBeGreaterThan(20)
    expect(await migrateUp(database.url)).toEqual([])

    expect(await migrateDown(database.url, 0)).toEqual([...names].reverse())
    const left = (await schemaOf(database.url)).filter(line => !line.includes('migrations'))
    expect(left).toEqual([])

    expect(await migrateUp(database.url)).toEqual(names)
    expect(await schemaOf(database.url)).toEqual(first)
  })

  it('can be reverted one by one, each restoring the schema before it', async () => {
    await using database = await freshDatabase(null)
    await migrateUp(database.url)
    const whole = await schemaOf(database.url)
    let before = whole
    for (const name of [...names].reverse()) {
      expect(await migrateDown(database.url, name)).toEqual([name])
      const after = await schemaOf(database.url)
      expect(before).toEqual(expect.arrayContaining(after))
      expect(after.length).toBeLessThan(before.length)
      before = after
    }
    expect(await migrateUp(database.url)).toEqual(names)
    expect(await schemaOf(database.url)).toEqual(whole)
  })

  it('run once when ten nodes start concurrently on an empty database', async () => {
    await using database = await freshDatabase(null)
    const ran = await Promise.all(Array.from({ length: 10 }, () => migrateUp(database.url)))
    expect(ran.flat()).toEqual(names)
    expect(ran.filter(applied => applied.length > 0)).toHaveLength(1)
    expect(await query(database.url, `select to_regclass('graphile_worker.jobs') is not null as there`)).toEqual([
      { there: true },
    ])
    expect(
      await query(
        database.url,
        `select count(*)::int as held from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`,
      ),
    ).toEqual([{ held: 0 }])
  })

  it('that fail are rolled back, keep the others, and can be retried', async () => {
    await using database = await freshDatabase(null)
    await query(database.url, 'create table profiles (in_the_way int)')
    await expect(migrateUp(database.url)).rejects.toThrow(/already exists/)
    const missing = await missingMigrations(sql => query(database.url, sql))
    expect(missing).toEqual(names.slice(names.indexOf(profiles.name)))
    await query(database.url, 'drop table profiles')
    expect(await migrateUp(database.url)).toEqual(missing)
  })
})

describe('missingMigrations', () => {
  it('returns all on an empty database, none on a migrated one, and the one that is missing', async () => {
    await using empty = await freshDatabase(null)
    expect(await missingMigrations(sql => query(empty.url, sql))).toEqual(names)
    await using done = await freshDatabase()
    expect(await missingMigrations(sql => query(done.url, sql))).toEqual([])
    await query(done.url, `delete from migrations where name = '${names[1] ?? ''}'`)
    expect(await missingMigrations(sql => query(done.url, sql))).toEqual([names[1]])
  })
})
