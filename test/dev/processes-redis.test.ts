import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Redis as Client } from 'ioredis'
import { findFreePort } from '../../dev/processes/find-free-port'
import { startRedis, type Redis } from '../../dev/processes/redis'
import { waitForExit } from './processes-fixture/wait-for-exit'
import { createTemporaryFolder } from './processes-fixture/create-temporary-folder'

describe('startRedis', () => {
  test('is empty after a restart, keeps its port, and stops', async () => {
    await using folder = await createTemporaryFolder()
    await using redis = await startRedis({ folder: folder.path })
    await withClient(redis, client => client.set('song', 'Ode'))
    const first = redis.pid
    await redis.restart()
    await waitForExit(first)
    expect(redis.pid).not.toBe(first)
    expect(await withClient(redis, client => client.get('song'))).toBeNull()

    await redis.stop()
    await waitForExit(redis.pid)
    await redis.restart()
    expect(await withClient(redis, client => client.ping())).toBe('PONG')
  })

  test('keeps its data over a crash if it is persistent', async () => {
    await using folder = await createTemporaryFolder()
    await using redis = await startRedis({ folder: folder.path, persistent: true })
    await withClient(redis, client => client.set('song', 'Ode'))
    await redis.restart('SIGKILL')
    expect(await withClient(redis, client => client.get('song'))).toBe('Ode')
  })

  test('two servers are independent', async () => {
    await using folder = await createTemporaryFolder()
    await using first = await startRedis({ folder: join(folder.path, 'one') })
    await using second = await startRedis({ folder: join(folder.path, 'two') })
    await withClient(first, client => client.set('song', 'Ode'))
    expect(await withClient(second, client => client.get('song'))).toBeNull()
  })

  test('a stop during a restart wins', async () => {
    await using folder = await createTemporaryFolder()
    const redis = await startRedis({ folder: folder.path })
    await Promise.all([redis.restart(), redis.stop()])
    await waitForExit(redis.pid)
  })

  test('does not take over another Redis, and explains why it cannot start', async () => {
    await using folder = await createTemporaryFolder()
    await using first = await startRedis({ folder: join(folder.path, 'one') })
    await expect(startRedis({ folder: join(folder.path, 'two'), port: first.port })).rejects.toThrow(
      /Redis did not start on port \d+ \(exit code 1\)[^]*Address already in use/,
    )
  })
})

describe('findFreePort', () => {
  test('returns a free port below the ephemeral range', async () => {
    const port = await findFreePort()
    expect(port).toBeLessThan(32_768)
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
  })
})

async function withClient<T>(redis: Redis, command: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(redis.url)
  try {
    return await command(client)
  } finally {
    client.disconnect()
  }
}
