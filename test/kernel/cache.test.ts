import { join } from 'node:path'
import { startRedis } from '../../dev/processes/redis'
import { findFreePort } from '../../dev/processes/find-free-port'
import { createCache } from '../../kernel/platform/cache'
import { createLog } from '../../kernel/platform/log'
import { createMetrics } from '../../kernel/platform/metrics'
import { openRedis } from '../../kernel/platform/redis'
import { createTemporaryFolder } from '../dev/processes-fixture/create-temporary-folder'
import { testStack } from '../stack'
import { waitUntil } from './wait-until'

const { REDIS_HOST: host = '', REDIS_PORT = '' } = testStack().variables

let prefixes = 0
function node(prefix: string, port = Number(REDIS_PORT)) {
  const metrics = createMetrics()
  const redis = openRedis(
    { redis: { host, port, password: undefined, tls: false, prefix } },
    createLog('silent'),
    metrics.redisPublishFailures,
  )
  return {
    redis,
    cache: createCache(redis, metrics.cacheLookups),
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  }
}
const newPrefix = () => `test-cache-${process.pid}-${(prefixes += 1)}`

async function twoNodes() {
  const prefix = newPrefix()
  const [one, two] = [node(prefix), node(prefix)]
  await Promise.all([one.redis.ready(5_000), two.redis.ready(5_000)])
  return {
    one,
    two,
    [Symbol.asyncDispose]: async () => {
      await one[Symbol.asyncDispose]()
      await two[Symbol.asyncDispose]()
    },
  }
}

/** A load that ends when `finish` is called. */
function slowLoad<T>() {
  let finish: (value: T) => void = () => undefined
  const value = new Promise<T>(resolve => {
    finish = resolve
  })
  const load = {
    calls: 0,
    run: () => {
      load.calls += 1
      return value
    },
    finish: (result: T): void => finish(result),
  }
  return load
}

const never = async (): Promise<string> => {
  throw new Error('must not be loaded')
}

describe('the cache', () => {
  it('keeps loaded values for all nodes, including null', async () => {
    await using nodes = await twoNodes()
    expect(await nodes.one.cache.getOrLoad('a', 10_000, async () => ({ n: [1, null] }))).toEqual({ n: [1, null] })
    expect(await nodes.two.cache.getOrLoad('a', 10_000, never)).toEqual({ n: [1, null] })
    expect(await nodes.one.cache.getOrLoad('b', 10_000, async () => null)).toBeNull()
    expect(await nodes.two.cache.getOrLoad('b', 10_000, never)).toBeNull()
  })

  it('does not keep undefined or failures', async () => {
    await using nodes = await twoNodes()
    const none = async (): Promise<string | undefined> => undefined
    expect(await nodes.one.cache.getOrLoad('a', 10_000, none)).toBeUndefined()
    await expect(nodes.one.cache.getOrLoad('a', 10_000, never)).rejects.toThrow('must not be loaded')
    expect(await nodes.one.cache.getOrLoad('a', 10_000, async () => 'now')).toBe('now')
  })

  it('loads once for concurrent requests', async () => {
    await using nodes = await twoNodes()
    const load = slowLoad<string>()
    const requests = Array.from({ length: 50 }, () => nodes.one.cache.getOrLoad('a', 10_000, load.run))
    await waitUntil(() => load.calls > 0)
    load.finish('x')
    expect(new Set(await Promise.all(requests))).toEqual(new Set(['x']))
    expect(load.calls).toBe(1)
  })

  it('never keeps a value that was read before an invalidation, on any node', async () => {
    await using nodes = await twoNodes()
    const [firstLoad, secondLoad] = [slowLoad<string>(), slowLoad<string>()]
    const earlier = [
      nodes.one.cache.getOrLoad('a', 10_000, firstLoad.run),
      nodes.two.cache.getOrLoad('a', 10_000, secondLoad.run),
    ]
    await waitUntil(() => firstLoad.calls + secondLoad.calls === 2)
    await nodes.one.cache.invalidate(['a'])
    // A request after the invalidation does not join a load that started before it.
    expect(await nodes.one.cache.getOrLoad('a', 10_000, async () => 'new')).toBe('new')
    firstLoad.finish('old')
    secondLoad.finish('old')
    expect(await Promise.all(earlier)).toEqual(['old', 'old'])
    for (const { cache } of [nodes.one, nodes.two])
      expect(await cache.getOrLoad('a', 10_000, async () => 'new')).toBe('new')
    expect(await nodes.one.redis.commands.get('cache:a')).not.toContain('old')
  })

  it('loads again if Redis holds malformed JSON', async () => {
    await using nodes = await twoNodes()
    await nodes.one.redis.commands.set('cache:a', '{"half')
    expect(await nodes.one.cache.getOrLoad('a', 10_000, async () => 'whole')).toBe('whole')
  })
})

describe('while Redis is away', () => {
  it('every value is loaded, once for concurrent requests', async () => {
    await using offline = node(newPrefix(), await findFreePort())
    const load = slowLoad<string>()
    const requests = Array.from({ length: 10 }, () => offline.cache.getOrLoad('a', 10_000, load.run))
    await waitUntil(() => load.calls > 0)
    load.finish('x')
    expect(await Promise.all(requests)).toEqual(Array(10).fill('x'))
    expect(load.calls).toBe(1)
    await offline.cache.invalidate(['a'])
    expect(await offline.cache.getOrLoad('a', 10_000, async () => 'y')).toBe('y')
  })

  it('invalidated keys are deleted as soon as it is back', async () => {
    await using folder = await createTemporaryFolder()
    await using server = await startRedis({ folder: join(folder.path, 'redis'), persistent: true })
    await using only = node(newPrefix(), server.port)
    await only.redis.ready(5_000)
    await only.cache.getOrLoad('a', 60_000, async () => 'old')
    await server.stop()
    await waitUntil(() => only.redis.commands.status !== 'ready')
    await only.cache.invalidate(['a'])
    await server.restart()
    await only.redis.ready(5_000)
    await waitUntil(async () => (await only.redis.commands.get('cache:a').catch(() => 'old')) !== '"old"')
    expect(await only.cache.getOrLoad('a', 60_000, async () => 'new')).toBe('new')
  })
})
