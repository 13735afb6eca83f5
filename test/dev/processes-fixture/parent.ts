import { Client } from 'pg'
import { startPostgres } from '../../../dev/processes/postgres'
import { startRedis } from '../../../dev/processes/redis'

/** Starts both servers in a folder, prints the port of Redis and all pids in one line, and runs until killed. */
async function main(folder: string): Promise<void> {
  process.on('SIGINT', () => undefined)
  const postgres = await startPostgres({ folder: `${folder}/postgres`, durable: false })
  const redis = await startRedis({ folder: `${folder}/redis` })
  const client = new Client(postgres.url)
  await client.connect()
  const backends = await client.query<{ pid: number }>('select pid from pg_stat_activity')
  await client.end()
  console.log(redis.port, redis.pid, postgres.pid, ...backends.rows.map(row => row.pid))
}

void main(process.argv[2] ?? '')
