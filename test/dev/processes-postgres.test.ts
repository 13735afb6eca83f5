import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { Client, type QueryResultRow } from 'pg'
import { findFreePort } from '../../dev/processes/find-free-port'
import { startPostgres } from '../../dev/processes/postgres'
import { waitForExit } from './processes-fixture/wait-for-exit'
import { createTemporaryFolder } from './processes-fixture/create-temporary-folder'

describe('startPostgres', () => {
  test('creates a cluster with a fixed collation, clones templates, and stops', async () => {
    await using folder = await createTemporaryFolder()
    const logLines: string[] = []
    const postgres = await startPostgres({
      folder: folder.path,
      durable: false,
      maxConnections: 17,
      log: line => logLines.push(line),
    })
    expect(logLines).toEqual(['Creating a PostgreSQL cluster'])
    expect(
      await query(
        postgres.url,
        `select lower('ÄÖÅ') as folded, current_setting('fsync') as fsync, current_setting('max_connections') as connections,
           (select datlocprovider::text from pg_database where datname = 'postgres') as provider`,
      ),
    ).toEqual([{ folded: 'äöå', fsync: 'off', connections: '17', provider: 'b' }])

    await postgres.createDatabase('a "template"')
    await query(postgres.databaseUrl('a "template"'), `create table song as select 'Ode' as title`)
    await postgres.createDatabase('clone', 'a "template"')
    expect(await query(postgres.databaseUrl('clone'), 'select title from song')).toEqual([{ title: 'Ode' }])
    await expect(postgres.createDatabase('clone')).rejects.toThrow(/already exists/)

    const { pid } = postgres
    await Promise.all([postgres.stop(), postgres.stop()])
    await waitForExit(pid)
    await expect(query(postgres.url, 'select 1')).rejects.toThrow(/ECONNREFUSED/)
  })

  test("keeps its data and port over restarts, crashes, and a lock file with another process's pid", async () => {
    await using folder = await createTemporaryFolder()
    await using postgres = await startPostgres({ folder: folder.path })
    await query(postgres.url, 'create table song (title text)')
    for (const mode of ['fast', 'immediate'] as const) {
      await query(postgres.url, `insert into song values ('${mode}')`)
      const { pid } = postgres
      await postgres.restart(mode)
      await waitForExit(pid)
    }
    expect(await query(postgres.url, 'select title from song')).toEqual([{ title: 'fast' }, { title: 'immediate' }])
    expect(await readFile(join(folder.path, 'postgres.log'), 'utf8')).toMatch(
      /not properly shut down; automatic recovery/,
    )

    await postgres.stop()
    await writeFile(
      join(folder.path, 'data', 'postmaster.pid'),
      `${process.pid}\n${folder.path}/data\n0\n${postgres.port}\n`,
    )
    await postgres.restart('fast')
    expect(await query(postgres.url, 'select count(*)::int as songs from song')).toEqual([{ songs: 2 }])
  })

  test('starts again after a SIGKILL, beside a second one, and repeats an interrupted initdb', async () => {
    await using folder = await createTemporaryFolder()
    await mkdir(join(folder.path, 'one', 'data.unfinished', 'base'), { recursive: true })
    await using first = await startPostgres({ folder: join(folder.path, 'one'), durable: false })
    await using second = await startPostgres({ folder: join(folder.path, 'two'), durable: false })
    await first.createDatabase('mine')
    await expect(query(second.databaseUrl('mine'), 'select 1')).rejects.toThrow(/does not exist/)

    process.kill(first.pid, 'SIGKILL')
    await using again = await startPostgres({ folder: join(folder.path, 'one'), durable: false })
    expect(await query(again.databaseUrl('mine'), 'select 1 as one')).toEqual([{ one: 1 }])
    expect(existsSync(join(folder.path, 'one', 'data.unfinished'))).toBe(false)
  })

  test('explains why it cannot start', async () => {
    await using folder = await createTemporaryFolder()
    const port = await findFreePort()
    const otherServer = createServer().listen(port, '127.0.0.1')
    await once(otherServer, 'listening')
    await expect(startPostgres({ folder: folder.path, port })).rejects.toThrow(
      /PostgreSQL did not start on port \d+ \(exit code 1\)[^]*Address already in use/,
    )
    otherServer.close()
  })
})

async function query(url: string, sql: string): Promise<QueryResultRow[]> {
  const client = new Client(url)
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<QueryResultRow>(sql)).rows
  } finally {
    await client.end()
  }
}
