import { setTimeout as pause } from 'node:timers/promises'
import { readConfig } from '../../kernel/platform/config'
import { type Database, openDatabase } from '../../kernel/platform/database'
import { createLog } from '../../kernel/platform/log'
import { type FreshDatabase, freshDatabase, testStack } from '../stack'

let fresh: FreshDatabase
let db: Database
beforeAll(async () => {
  fresh = await freshDatabase(null)
  const config = readConfig({
    ...testStack().variables,
    NODE_ENV: 'test',
    DATABASE_URL: fresh.url,
    DATABASE_POOL_MAX: '6',
    REDIS_PREFIX: 'none',
  })
  db = await openDatabase(config, createLog('silent'))
  await db.query('create table said (word text primary key, by integer)')
})
afterAll(async () => {
  await db[Symbol.asyncDispose]()
  await fresh[Symbol.asyncDispose]()
})
beforeEach(() => db.query('truncate said cascade'))

const insertWord = (word: string) => db.query('insert into said (word, by) values (:word, pg_backend_pid())', { word })
const listWords = async () =>
  (
    await db.readCommitted<{ word: string }>({ name: 'words', text: 'select word from said order by word', values: [] })
  ).map(({ word }) => word)
const backendPid = async () => (await db.query<{ pid: number }>('select pg_backend_pid() as pid'))[0]?.pid

describe('a transaction', () => {
  it('runs its queries on one connection, whatever runs concurrently', async () => {
    const one = async (n: number) =>
      db
        .transaction(async () => {
          const pid = await backendPid()
          await insertWord(`${n} first`)
          await pause(n % 5)
          await Promise.resolve().then(() => insertWord(`${n} second`))
          expect(await backendPid()).toBe(pid)
          if (n % 3 === 0) throw new Error('no more')
          return n
        })
        .catch((error: unknown) => {
          if (error instanceof Error && error.message === 'no more') return undefined
          throw error
        })
    const ended = await Promise.all(Array.from({ length: 60 }, (_, n) => one(n)))
    const expected = ended.flatMap(n => (n === undefined ? [] : [`${n} first`, `${n} second`]))
    expect(expected).toHaveLength(80)
    expect(await listWords()).toEqual(expected.sort())
  })

  it('ends with its last statement, which also commits', async () => {
    const rows = await db.transaction(async () => {
      await insertWord('a')
      return db.commitWith<{ word: string }>({ text: `insert into said values ('b') returning word` })
    })
    expect(rows).toEqual([{ word: 'b' }])
    expect(await listWords()).toEqual(['a', 'b'])
  })

  it('may consist of only that statement', async () => {
    const append = (word: string) =>
      db.transaction(() => db.commitWith({ text: `insert into said values ('${word}')` }))
    await append('a')
    await expect(append('a')).rejects.toMatchObject({ code: '23505' })
    await append('b')
    expect(await listWords()).toEqual(['a', 'b'])
  })

  it('begins once, also with concurrent statements', async () => {
    const failing = db.transaction(async () => {
      const pids = await Promise.all([
        backendPid(),
        insertWord('a').then(backendPid),
        insertWord('b').then(backendPid),
        backendPid(),
      ])
      expect(new Set(pids).size).toBe(1)
      throw new Error('undone')
    })
    await expect(failing).rejects.toThrow('undone')
    expect(await listWords()).toEqual([])
  })

  it('does not begin without a statement', async () => {
    const idle = async () =>
      (
        await db.query(
          `select from pg_stat_activity where state = 'idle in transaction' and datname = current_database()`,
        )
      ).length
    await db.transaction(async () => {
      expect(await idle()).toBe(0)
    })
    await db.transaction(() => Promise.resolve())
    await expect(db.transaction(() => Promise.reject(new Error('before all')))).rejects.toThrow('before all')
  })

  it('fails if a statement failed and the error was swallowed', async () => {
    const swallowed = db.transaction(async () => {
      await insertWord('a')
      await insertWord('a').catch(() => undefined)
    })
    await expect(swallowed).rejects.toThrow('was aborted before its commit')
    expect(await listWords()).toEqual([])
    const appended = db.transaction(async () => {
      await insertWord('a')
      await insertWord('a').catch(() => undefined)
      await db.commitWith({ text: 'select 1' })
    })
    await expect(appended).rejects.toMatchObject({ code: '25P02' })
    await db.transaction(() => insertWord('after'))
    expect(await listWords()).toEqual(['after'])
  })

  it('is rolled back if its last statement fails', async () => {
    const failing = db.transaction(async () => {
      await insertWord('a')
      await db.commitWith({ text: `insert into said values ('a')` })
    })
    await expect(failing).rejects.toMatchObject({ code: '23505' })
    expect(await listWords()).toEqual([])
    await db.transaction(() => insertWord('after'))
    expect(await listWords()).toEqual(['after'])
  })

  it('is rolled back if the commit fails', async () => {
    await db.query('create table if not exists later (word text references said deferrable initially deferred)')
    const failing = db.transaction(() => db.query(`insert into later values ('nobody said so')`))
    await expect(failing).rejects.toMatchObject({ code: '23503' })
    expect(await db.query('select * from later')).toEqual([])
  })

  it('rejects statements after its commit', async () => {
    const late = db.transaction(async () => {
      await db.commitWith({ text: `insert into said values ('a')` })
      await insertWord('too late')
    })
    await expect(late).rejects.toThrow('commit has been called on this transaction')
    const twice = db.transaction(async () => {
      await db.commitWith({ text: `insert into said values ('b')` })
      await db.commitWith({ text: `insert into said values ('c')` })
    })
    await expect(twice).rejects.toThrow('no open transaction to commit')
    await expect(db.commitWith({ text: 'select 1' })).rejects.toThrow('no open transaction to commit')
    expect(await listWords()).toEqual(['a', 'b'])
  })

  it('does not run a late statement in the next transaction of its connection', async () => {
    let forgotten: Promise<unknown> = Promise.resolve()
    await db.transaction(async () => {
      forgotten = pause(20).then(() => insertWord('forgotten'))
      await insertWord('a')
    })
    await db
      .transaction(async () => {
        await pause(60)
        await forgotten
        throw new Error('undone')
      })
      .catch(() => undefined)
    // It is not part of the second transaction, which was rolled back.
    expect(await listWords()).toEqual(['a', 'forgotten'])
  })

  it('cannot write if it is read-only', async () => {
    await expect(db.readOnly(() => insertWord('a'))).rejects.toThrow('read-only transaction')
    expect(await listWords()).toEqual([])
  })

  it('fails if its connection is cut, and the next one uses another connection', async () => {
    const terminated = db.transaction(async () => {
      const pid = await backendPid()
      await insertWord('a')
      await db.readCommitted({ name: 'cut', text: 'select pg_terminate_backend($1)', values: [pid] })
      await insertWord('b')
    })
    await expect(terminated).rejects.toThrow()
    await Promise.all(Array.from({ length: 8 }, (_, n) => db.transaction(() => insertWord(`after ${n}`))))
    expect(await listWords()).toHaveLength(8)
  })

  it('returns its connection to the pool, however it ends', async () => {
    const ends = [
      async () => insertWord('x'),
      async () => Promise.reject(new Error('no')),
      async () => db.query('no sql'),
    ]
    for (let n = 0; n < 30; n += 1) await db.transaction(ends[n % 3] ?? (() => insertWord('y'))).catch(() => undefined)
    await Promise.all([1, 2, 3, 4].map(() => db.transaction(() => pause(30))))
    expect(await listWords()).toEqual(['x'])
  })
})
