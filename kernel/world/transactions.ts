import { AsyncLocalStorage } from 'node:async_hooks'
import { type Client, type QueryConfig, type QueryResultRow } from 'pg'
import { Sequelize, Transaction } from 'sequelize'
import { beginWithFirst, type LazyConnection } from './lazy-connection'

interface Running {
  asked: LazyConnection
  transaction: Transaction & { finished?: 'commit' | 'rollback' }
}

const joined = new AsyncLocalStorage<Map<string, unknown>>()
/** Of the whole process. */
let openNow = 0
const runningKey = 'running'
const transactionKey = 'transaction'

/**
 * Transactions that every query of the models within joins by itself, because a forgotten `{ transaction }` would fail
 * silently. BEGIN and COMMIT go straight to the connection, each together with the statement beside it: a trip of its own
 * costs the server more than most statements.
 */
export function createTransactions(sequelize: Sequelize) {
  const { connectionManager } = sequelize

  async function run<T>(begin: string, work: () => Promise<T>): Promise<T> {
    const client = await connectionManager.getConnection({ type: 'write' })
    const asked = beginWithFirst(client as Client, begin)
    const { connection } = asked
    const running: Running = { asked, transaction: Object.assign(new Transaction(sequelize, {}), { connection }) }
    const mine = new Map<string, unknown>([
      [runningKey, running],
      [transactionKey, running.transaction],
    ])
    let isSound = true
    try {
      const answer = await within(mine, work)
      if (running.transaction.finished === undefined) await asked.commit()
      return answer
    } catch (error) {
      isSound = await asked.rollback().then(
        () => true,
        () => false,
      )
      throw error
    } finally {
      // What was not awaited must not get into the next transaction of the connection.
      running.transaction.finished ??= 'rollback'
      mine.clear()
      if (isSound) connectionManager.releaseConnection(client)
      else await connectionManager.destroyConnection(client)
    }
  }

  return {
    /** Never nest: the inner one would be independent. */
    write: <T>(work: () => Promise<T>): Promise<T> => run('begin', work),

    readOnly: <T>(work: () => Promise<T>): Promise<T> => run('begin read only', work),

    /** The last statement of the transaction that it is called in, and the commit, in one round trip. */
    commitWith: async <R extends QueryResultRow>(statement: QueryConfig): Promise<R[]> => {
      const running = joined.getStore()?.get(runningKey) as Running | undefined
      if (running?.transaction.finished !== undefined || running === undefined)
        throw new Error('there is no transaction to commit')
      const { rows } = await running.asked.commitWith<R>(statement)
      running.transaction.finished = 'commit'
      return rows
    },
  }
}

/**
 * While the storage is in use Node 20 takes note of every asynchronous step of the process, each write to a socket among
 * them (measured: 4 % of what a delivered event costs). So it is switched off when nobody needs it; the next use switches
 * it on.
 */
async function within<T>(store: Map<string, unknown>, work: () => Promise<T>): Promise<T> {
  openNow += 1
  try {
    return await joined.run(store, work)
  } finally {
    openNow -= 1
    if (openNow === 0) joined.disable()
  }
}

/** Once for the process, before there are models. */
export function joinTransactionsByThemselves(): void {
  Sequelize.useCLS({
    run: (work: (context: object) => unknown) => joined.run(new Map(joined.getStore() ?? []), () => work({})),
    bind: <F extends (...args: never[]) => unknown>(work: F) => AsyncLocalStorage.bind(work),
    get: (key: string) => joined.getStore()?.get(key),
    set: (key: string, value: unknown) => joined.getStore()?.set(key, value),
  })
}
