import { AsyncLocalStorage } from 'node:async_hooks'
import { type Client, type QueryConfig, type QueryResultRow } from 'pg'
import { Sequelize, Transaction } from 'sequelize'
import { createLazyTransaction, type LazyTransaction } from './lazy-transaction'

interface Running {
  lazy: LazyTransaction
  transaction: Transaction & { finished?: 'commit' | 'rollback' }
}

const currentTransaction = new AsyncLocalStorage<Map<string, unknown>>()
/** Open transactions of the whole process. */
let openCount = 0
const runningKey = 'running'
const transactionKey = 'transaction'

/**
 * Transactions that all model queries within join automatically, because a forgotten `{ transaction }` would fail silently.
 * BEGIN and COMMIT are sent in one packet with the adjacent statement, because a round trip of their own costs PostgreSQL
 * more than most statements.
 */
export function createTransactions(sequelize: Sequelize) {
  const { connectionManager } = sequelize

  async function run<T>(begin: string, work: () => Promise<T>): Promise<T> {
    const client = await connectionManager.getConnection({ type: 'write' })
    const lazy = createLazyTransaction(client as Client, begin)
    const { connection } = lazy
    const running: Running = { lazy, transaction: Object.assign(new Transaction(sequelize, {}), { connection }) }
    const store = new Map<string, unknown>([
      [runningKey, running],
      [transactionKey, running.transaction],
    ])
    let isReusable = true
    try {
      const answer = await runWithin(store, work)
      if (running.transaction.finished === undefined) await lazy.commit()
      return answer
    } catch (error) {
      isReusable = await lazy.rollback().then(
        () => true,
        () => false,
      )
      throw error
    } finally {
      // Detach queries that were not awaited, so that they cannot run in the connection's next transaction.
      running.transaction.finished ??= 'rollback'
      store.clear()
      if (isReusable) connectionManager.releaseConnection(client)
      else await connectionManager.destroyConnection(client)
    }
  }

  return {
    /** Runs `work` in a transaction. Never nest: the inner one would be independent. */
    write: <T>(work: () => Promise<T>): Promise<T> => run('begin', work),

    readOnly: <T>(work: () => Promise<T>): Promise<T> => run('begin read only', work),

    /** Sends the last statement of the current transaction and the commit in one round trip. */
    commitWith: async <R extends QueryResultRow>(statement: QueryConfig): Promise<R[]> => {
      const running = currentTransaction.getStore()?.get(runningKey) as Running | undefined
      if (running?.transaction.finished !== undefined || running === undefined)
        throw new Error('no open transaction to commit')
      const { rows } = await running.lazy.commitWith<R>(statement)
      running.transaction.finished = 'commit'
      return rows
    },
  }
}

/**
 * Disables the AsyncLocalStorage while no transaction is open: in Node 20 it hooks into every asynchronous operation,
 * socket writes included (measured: 4 % of the cost of a delivered event). `run` enables it again.
 */
async function runWithin<T>(store: Map<string, unknown>, work: () => Promise<T>): Promise<T> {
  openCount += 1
  try {
    return await currentTransaction.run(store, work)
  } finally {
    openCount -= 1
    if (openCount === 0) currentTransaction.disable()
  }
}

/** Registers the storage as Sequelize's CLS. Call before models are defined; repeated calls are harmless. */
export function enableImplicitTransactions(): void {
  Sequelize.useCLS({
    run: (work: (context: object) => unknown) =>
      currentTransaction.run(new Map(currentTransaction.getStore() ?? []), () => work({})),
    bind: <F extends (...args: never[]) => unknown>(work: F) => AsyncLocalStorage.bind(work),
    get: (key: string) => currentTransaction.getStore()?.get(key),
    set: (key: string, value: unknown) => currentTransaction.getStore()?.set(key, value),
  })
}
