import { Logger, runMigrations } from 'graphile-worker'
import { Sequelize } from 'sequelize'
import { SequelizeStorage, Umzug } from 'umzug'
import { migrations } from '.'

/** Key of the advisory lock under which migrations run. Any number that nothing else locks. */
const lockKey = 7_283_331
/** A migration that waits longer for a table's lock fails instead: queries of the running release queue up behind it. */
const lockTimeoutMs = 2_000

/**
 * Migrates the database up, and the tables of the job queue with it. Safe to run several times at once: one migrates, the
 * others wait and find nothing to do.
 * @returns the names of the migrations that ran
 */
export const migrateUp = (databaseUrl: string): Promise<string[]> =>
  whileAlone(databaseUrl, async umzug => {
    await runMigrations({ connectionString: databaseUrl, logger: silent })
    return (await umzug.up()).map(({ name }) => name)
  })

/** Runs the migrations down to and including `to`; 0: all of them. */
export const migrateDown = (databaseUrl: string, to: string | 0): Promise<string[]> =>
  whileAlone(databaseUrl, async umzug => (await umzug.down({ to })).map(({ name }) => name))

/** The names of the migrations that have not run on a database. */
export async function missingMigrations(query: (sql: string) => Promise<{ name: string }[]>): Promise<string[]> {
  const [table] = await query(`select to_regclass('migrations')::text as name`)
  const done = table?.name == null ? [] : await query('select name from migrations')
  return migrations.map(({ name }) => name).filter(name => !done.some(row => row.name === name))
}

async function whileAlone<T>(databaseUrl: string, work: (umzug: Umzug<Sequelize>) => Promise<T>): Promise<T> {
  const locking = new Sequelize(databaseUrl, { logging: false, pool: { max: 1, idle: 3_600_000 } })
  const database = new Sequelize(databaseUrl, {
    logging: false,
    pool: { max: 1 },
    dialectOptions: { lock_timeout: lockTimeoutMs, application_name: 'tutti-migrate' },
  })
  try {
    await locking.query('select pg_advisory_lock(:lockKey)', { replacements: { lockKey } })
    const storage = new SequelizeStorage({ sequelize: database, tableName: 'migrations' })
    return await work(new Umzug({ migrations: toUmzug(database), context: database, storage, logger: undefined }))
  } finally {
    await Promise.all([locking.close(), database.close()])
  }
}

/** graphile-worker logs to the console otherwise. */
const silent = new Logger(() => () => undefined)

const toUmzug = (database: Sequelize) =>
  migrations.map(({ name, up, down }) => ({ name, up: () => up(database), down: () => down(database) }))
