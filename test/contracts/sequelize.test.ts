import pg, { Client, type ClientConfig } from 'pg'
import { BaseError, DataTypes, QueryTypes, Sequelize, Transaction } from 'sequelize'
import { createTransactions, enableImplicitTransactions } from '../../kernel/platform/transactions'
import { type FreshDatabase, freshDatabase } from '../stack'
import { describeContract } from './describe-contract'

class MarkedClient extends Client {
  constructor(config: ClientConfig) {
    super({ ...config, pipeline: true })
  }
}

let fresh: FreshDatabase
let sequelize: Sequelize
beforeAll(async () => {
  enableImplicitTransactions()
  fresh = await freshDatabase(null)
  sequelize = new Sequelize(fresh.url, {
    dialect: 'postgres',
    dialectModule: { ...pg, Client: MarkedClient },
    logging: false,
    pool: { max: 2, min: 0 },
  })
})
afterAll(async () => {
  await sequelize.close()
  await fresh[Symbol.asyncDispose]()
})

const pidOf = async (transaction?: Transaction): Promise<number | undefined> => {
  const sql = 'select pg_backend_pid() as pid'
  const options = { type: QueryTypes.SELECT, ...(transaction === undefined ? {} : { transaction }) } as const
  return (await sequelize.query<{ pid: number }>(sql, options))[0]?.pid
}

describeContract('sequelize', '6.37', 'kernel/platform/database.ts and transactions.ts', () => {
  it('`dialectModule.Client` is the class of every connection, so that its options can be set', async () => {
    const client = await sequelize.connectionManager.getConnection({ type: 'write' })
    expect(client).toBeInstanceOf(MarkedClient)
    expect(client).toMatchObject({ pipeline: true })
    sequelize.connectionManager.releaseConnection(client)
  })

  it('a released connection is used again, a destroyed one is not', async () => {
    const { connectionManager } = sequelize
    const first = await connectionManager.getConnection({ type: 'write' })
    connectionManager.releaseConnection(first)
    const again = await connectionManager.getConnection({ type: 'write' })
    expect(again).toBe(first)
    await connectionManager.destroyConnection(again)
    const other = await connectionManager.getConnection({ type: 'write' })
    expect(other).not.toBe(first)
    connectionManager.releaseConnection(other)
  })

  it('a transaction that was not prepared runs on the `connection` it is given, until it is `finished`', async () => {
    const client = (await sequelize.connectionManager.getConnection({ type: 'write' })) as Client
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const transaction: Transaction & { finished?: string } = Object.assign(new Transaction(sequelize, {}), {
      connection: client,
    })
    expect(transaction.finished).toBeUndefined()
    expect(await pidOf(transaction)).toBe(rows[0]?.pid)
    transaction.finished = 'commit'
    await expect(pidOf(transaction)).rejects.toThrow('commit has been called on this transaction')
    sequelize.connectionManager.releaseConnection(client)
  })

  it('a query without options takes the transaction from the namespace of `useCLS`, under the key `transaction`', async () => {
    const { write } = createTransactions(sequelize)
    const [one, other] = await Promise.all([
      write(async () => [await pidOf(), await pidOf()]),
      write(async () => [await pidOf(), await pidOf()]),
    ])
    expect(one[0]).toBe(one[1])
    expect(other[0]).toBe(other[1])
    expect(one[0]).not.toBe(other[0])
  })

  it('`original` of an error is the one of pg, with its SQLSTATE', async () => {
    const error: unknown = await sequelize.query('select 1 / 0').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BaseError)
    expect(error).toMatchObject({ original: { code: '22012' } })
  })

  it('`getAttributes` names the column of an attribute', () => {
    const model = sequelize.define('thing', {
      ownerId: { type: DataTypes.UUID, field: 'owner_id' },
      name: DataTypes.TEXT,
    })
    expect(model.getAttributes()).toMatchObject({ ownerId: { field: 'owner_id' }, name: { field: 'name' } })
  })
})
