import 'reflect-metadata'
import pg, { Client, type ClientConfig, Pool, type QueryResultRow } from 'pg'
import { QueryTypes } from 'sequelize'
import { Sequelize } from 'sequelize-typescript'
import { models } from '../../models'
import { type Config } from './config'
import { describeError, type Log } from './log'
import { createTransactions, enableImplicitTransactions } from './transactions'

export const statementTimeoutMs = 5_000
const lockTimeoutMs = 3_000
const acquireTimeoutMs = 3_000
const unreadTimeoutMs = 3_000
const connectTimeoutMs = 3_000

/** A hot read, prepared once per connection under its name. */
export interface NamedStatement {
  name: string
  text: string
  values: readonly unknown[]
}

export type Database = Awaited<ReturnType<typeof openDatabase>>

/**
 * Opens PostgreSQL: Sequelize for the models, and a small pool of plain `pg` for hot reads (a point read through a model
 * costs three times as much). Only the pipeline may open transactions; queries within join them automatically.
 */
export async function openDatabase(config: Pick<Config, 'database'>, log: Log) {
  enableImplicitTransactions()
  const timeouts = {
    statement_timeout: statementTimeoutMs,
    lock_timeout: lockTimeoutMs,
    idle_in_transaction_session_timeout: 5_000,
    // Client-side timeout: the server's does not help when the network drops packets.
    query_timeout: statementTimeoutMs + 1_000,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    // A client that does not read its result keeps the locks of the statement: cut it.
    options: `-c tcp_user_timeout=${unreadTimeoutMs}`,
  }
  const { url, poolMax } = config.database
  const readPoolMax = Math.max(1, Math.floor(poolMax / 3))
  const sequelize = new Sequelize(url, {
    dialect: 'postgres',
    dialectModule: { ...pg, Client: PipeliningClient },
    logging: false,
    models,
    pool: { max: Math.max(1, poolMax - readPoolMax), min: 0, acquire: acquireTimeoutMs, idle: 10_000 },
    dialectOptions: { ...timeouts, application_name: 'tutti' },
  })
  const transactions = createTransactions(sequelize)
  const pool = new Pool({ connectionString: url, max: readPoolMax, application_name: 'tutti-reads', ...timeouts })
  // The pool replaces a connection that drops while idle. Without a listener the error event would end the process.
  pool.on('error', error => log.warn(describeError(error), 'lost an idle database connection'))

  return {
    /** Runs `work` in a transaction. Never nest: the inner one would be independent. */
    transaction: transactions.write,

    readOnly: transactions.readOnly,

    /** Sends the last statement of a transaction together with the commit. */
    commitWith: transactions.commitWith,

    /** Runs SQL with `:names`, which are escaped into the text. Joins the current transaction. */
    query: async <R extends object>(sql: string, names: Record<string, unknown> = {}): Promise<R[]> => {
      const rows: object[] = await sequelize.query(sql, { replacements: names, type: QueryTypes.SELECT })
      return rows as R[]
    },

    /** Runs SQL with bound parameters `$1`, `$2`, …. Joins the current transaction. */
    queryBound: async <R extends object>(sql: string, values: readonly unknown[]): Promise<R[]> => {
      const rows: object[] = await sequelize.query(sql, { bind: [...values], type: QueryTypes.SELECT })
      return rows as R[]
    },

    /** Runs a hot read outside any transaction: it sees committed rows only. */
    readCommitted: async <R extends QueryResultRow>({ name, text, values }: NamedStatement): Promise<R[]> =>
      (await pool.query<R>({ name, text, values: [...values] })).rows,

    /** For components with their own connections: the worker, the relay. */
    url,

    ping: async (): Promise<void> => {
      await pool.query('select 1')
    },

    [Symbol.asyncDispose]: async () => {
      await Promise.all([sequelize.close(), pool.end()])
    },
  }
}

/** Sets `pipeline`, an option that Sequelize does not pass on. */
class PipeliningClient extends Client {
  constructor(config: ClientConfig) {
    super({ ...config, pipeline: true })
  }
}
