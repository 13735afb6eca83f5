import { Socket } from 'node:net'
import { Client, Pool, type QueryResult } from 'pg'
import { toRefusal } from '../../kernel/pipeline/errors'
import { refusals } from '../../kernel/pipeline/refusals'
import { createLazyTransaction } from '../../kernel/platform/lazy-transaction'
import { type FreshDatabase, freshDatabase } from '../stack'
import { describeContract } from './describe-contract'

let fresh: FreshDatabase
beforeAll(async () => {
  fresh = await freshDatabase(null)
})
afterAll(() => fresh[Symbol.asyncDispose]())

async function connect(options: object = { pipeline: true }) {
  const client = new Client({ connectionString: fresh.url, ...options })
  client.on('error', () => undefined)
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end().catch(() => undefined) })
}

/** The socket, which is typed as any Duplex. */
function bytesWritten({ connection: { stream } }: Client): number {
  if (!(stream instanceof Socket)) throw new Error('`connection.stream` is no socket')
  return stream.bytesWritten
}
const commandOf = ({ command }: QueryResult) => command

describeContract(
  'pg',
  '8.23',
  'kernel/platform/database.ts, lazy-transaction.ts and realtime/dedicated-connection.ts',
  () => {
    it('`pipeline` sends a query without waiting for the answer of the one before', async () => {
      await using client = await connect()
      const first = client.query('select pg_sleep(0.1)')
      const bytes = bytesWritten(client)
      const second = client.query('select 1 as one')
      expect(bytesWritten(client)).toBeGreaterThan(bytes)
      expect((await Promise.all([first, second]))[1].rows).toEqual([{ one: 1 }])
    })

    it('without `pipeline` a query waits', async () => {
      await using client = await connect({})
      const first = client.query('select pg_sleep(0.1)')
      const bytes = bytesWritten(client)
      const second = client.query('select 1')
      expect(bytesWritten(client)).toBe(bytes)
      await Promise.all([first, second])
    })

    it('`connection.stream` is the socket: corked, several queries leave together', async () => {
      await using client = await connect()
      const { stream } = client.connection
      stream.cork()
      const answers = [client.query('begin'), client.query('select 1'), client.query('commit')]
      expect(stream.writableLength).toBeGreaterThan(0)
      stream.uncork()
      expect((await Promise.all(answers)).map(commandOf)).toEqual(['BEGIN', 'SELECT', 'COMMIT'])
    })

    it('`command` of a commit says ROLLBACK, without an error, when the transaction was aborted', async () => {
      await using client = await connect()
      await client.query('begin')
      await expect(client.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' })
      expect(commandOf(await client.query('commit'))).toBe('ROLLBACK')
    })

    it('an object made of a client with a `query` of its own is a client', async () => {
      await using client = await connect()
      const lazy = createLazyTransaction(client, 'begin read only')
      const { rows } = await lazy.connection.query(`select current_setting('transaction_read_only') as mode`)
      expect(rows).toEqual([{ mode: 'on' }])
      await lazy.rollback()
    })

    it.each<[string, () => Promise<unknown>]>([
      [
        'the server ends the connection',
        async () => {
          await using client = await connect()
          await using other = await connect()
          const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
          const waiting = client.query('select pg_sleep(5)').catch((error: unknown) => error)
          await other.query('select pg_terminate_backend($1)', [rows[0]?.pid])
          return await waiting
        },
      ],
      [
        'the connection is cut',
        async () => {
          await using client = await connect()
          const waiting = client.query('select pg_sleep(5)').catch((error: unknown) => error)
          client.connection.stream.destroy()
          return await waiting
        },
      ],
      [
        'a query is sent after the end',
        async () => {
          const client = await connect()
          await client.end()
          return client.query('select 1').catch((error: unknown) => error)
        },
      ],
      [
        'a query is not answered in time',
        async () => {
          await using client = await connect({ query_timeout: 50 })
          const failed: unknown = await client.query('select pg_sleep(0.5)').catch((error: unknown) => error)
          return failed
        },
      ],
      [
        'nothing listens',
        async () => {
          const client = new Client({ connectionString: 'postgres://nobody@127.0.0.1:1/none' })
          return client.connect().catch((error: unknown) => error)
        },
      ],
      [
        'the pool is exhausted',
        async () => {
          const pool = new Pool({ connectionString: fresh.url, max: 1, connectionTimeoutMillis: 50 })
          const held = await pool.connect()
          const error: unknown = await pool.query('select 1').catch((refused: unknown) => refused)
          held.release()
          await pool.end()
          return error
        },
      ],
    ])('the error when %s is recognised as an unavailable database', async (_when, fail) => {
      const error = await fail()
      expect(error).toBeInstanceOf(Error)
      expect(toRefusal(error).kind).toBe(refusals.unavailable)
    })

    it('`options` sets parameters of the session, and a named statement is prepared once', async () => {
      await using client = await connect({ options: '-c lock_timeout=123 -c tcp_user_timeout=3000' })
      const { rows } = await client.query<{ lock: string }>(`select current_setting('lock_timeout') as lock`)
      expect(rows).toEqual([{ lock: '123ms' }])
      for (let n = 0; n < 2; n += 1) await client.query({ name: 'once', text: 'select $1::int', values: [n] })
      const prepared = await client.query('select name, statement from pg_prepared_statements')
      expect(prepared.rows).toEqual([{ name: 'once', statement: 'select $1::int' }])
    })
  },
)
