import 'reflect-metadata'
import pg, { Client, type ClientConfig, Pool, type QueryResultRow } from 'pg'
import { QueryTypes } from 'sequelize'
import { Sequelize } from 'sequelize-typescript'
import { models } from '../../models'
import { type Config } from './config'
import { describeError, type Log } from './log'
import { createTransactions, joinTransactionsByThemselves } from './transactions'

export const statementTimeoutMs = 5_000
const lockTimeoutMs = 3_000
const acquireTimeoutMs = 3_000
const unreadTimeoutMs = 3_000
const connectTimeoutMs = 3_000

/** A statement of a hot read: prepared once per connection under its name. */
export interface NamedStatement {
  name: string
  text: string
  values: readonly unknown[]
}

export type Database = Awaited<ReturnType<typeof openDatabase>>

/**
 * PostgreSQL: the models over Sequelize, and a small pool of plain `pg` for hot reads (a point read by a model costs
 * three times as much). Only the pipeline may open transactions, which the queries within join by themselves.
 */
export async function openDatabase(config: Pick<Config, 'database'>, log: Log) {
  joinTransactionsByThemselves()
  const timeouts = {
    statement_timeout: statementTimeoutMs,
    lock_timeout: lockTimeoutMs,
    idle_in_transaction_session_timeout: 5_000,
    // The server's timeout does not fire when the network swallows packets: this one does.
    query_timeout: statementTimeoutMs + 1_000,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    // Who does not take an answer holds the locks of its statement until the last of it is gone.
    options: `-c tcp_user_timeout=${unreadTimeoutMs}`,
  }
  const { url, poolMax } = config.database
  const readers = Math.max(1, Math.floor(poolMax / 3))
  const sequelize = new Sequelize(url, {
    dialect: 'postgres',
    dialectModule: { ...pg, Client: PipeliningClient },
    logging: false,
    models,
    pool: { max: Math.max(1, poolMax - readers), min: 0, acquire: acquireTimeoutMs, idle: 10_000 },
    dialectOptions: { ...timeouts, application_name: 'tutti' },
  })
  const transactions = createTransactions(sequelize)
  const pool = new Pool({ connectionString: url, max: readers, application_name: 'tutti-reads', ...timeouts })
  // A pooled connection that is cut while idle is replaced at the next use; unheard, the event would end the process.
  pool.on('error', error => log.warn(describeError(error), 'an idle database connection was lost'))

  return {
    /** Opens a transaction. A nested one would be independent: never nest. */
    transaction: transactions.write,

    readOnly: transactions.readOnly,

    /** The last statement of a transaction, together with the commit. */
    commitWith: transactions.commitWith,

    /** Rows of a query written by hand; `:names` are escaped values. Joins the transaction that it is called in. */
    query: async <R extends object>(sql: string, names: Record<string, unknown> = {}): Promise<R[]> => {
      const rows: object[] = await sequelize.query(sql, { replacements: names, type: QueryTypes.SELECT })
      return rows as R[]
    },

    /** One statement whose values travel beside it, as `$1` and on. Joins the transaction that it is called in. */
    call: async <R extends object>(sql: string, values: readonly unknown[]): Promise<R[]> => {
      const rows: object[] = await sequelize.query(sql, { bind: [...values], type: QueryTypes.SELECT })
      return rows as R[]
    },

    /** A hot read. Joins no transaction: it sees what is committed. */
    read: async <R extends QueryResultRow>({ name, text, values }: NamedStatement): Promise<R[]> =>
      (await pool.query<R>({ name, text, values: [...values] })).rows,

    /** For what keeps connections of its own: the worker, the relay. */
    url,

    ping: async (): Promise<void> => {
      await pool.query('select 1')
    },

    [Symbol.asyncDispose]: async () => {
      await Promise.all([sequelize.close(), pool.end()])
    },
  }
}

/** Sequelize has no way to hand the option on. */
class PipeliningClient extends Client {
  constructor(config: ClientConfig) {
    super({ ...config, pipeline: true })
  }
}
