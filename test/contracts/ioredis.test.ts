import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { toRefusal } from '../../kernel/pipeline/errors'
import { refusals } from '../../kernel/pipeline/refusals'
import { createLog } from '../../kernel/platform/log'
import { createMetrics } from '../../kernel/platform/metrics'
import { openRedis } from '../../kernel/platform/redis'
import { waitUntil } from '../kernel/wait-until'
import { testStack } from '../stack'
import { describeContract } from './describe-contract'

const { REDIS_HOST: host = '', REDIS_PORT = '' } = testStack().variables
const prefix = `test-ioredis-${process.pid}`

/** A proxy to Redis that counts the packets of its clients and can refuse them. */
async function openProxy() {
  const sockets = new Set<Socket>()
  const counted = { packets: 0 }
  const server = createServer(socket => {
    const upstream = connect(Number(REDIS_PORT), host)
    sockets.add(socket).add(upstream)
    socket.on('data', () => (counted.packets += 1))
    for (const one of [socket, upstream]) one.on('error', () => undefined)
    socket.pipe(upstream).pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  return {
    port: (server.address() as AddressInfo).port,
    counted,
    cut,
    [Symbol.asyncDispose]: async () => {
      server.close()
      cut()
    },
  }
}

async function openClients(port = Number(REDIS_PORT), at = host) {
  const redis = { host: at, port, password: undefined, tls: false, prefix }
  const metrics = createMetrics()
  const clients = openRedis({ redis }, createLog('silent'), metrics.redisPublishFailures)
  await clients.ready(5_000)
  return Object.assign(clients, { metrics })
}

describeContract('ioredis', '6.0', 'kernel/platform/redis.ts', () => {
  it('every command goes through `sendCommand`; `stream` is undefined before the first connection, then the socket', async () => {
    const sent: string[] = []
    class RecordingRedis extends Redis {
      override sendCommand(...args: Parameters<Redis['sendCommand']>): unknown {
        sent.push(args[0].name)
        return super.sendCommand(...args)
      }
    }
    const client = new RecordingRedis({ host, port: Number(REDIS_PORT), lazyConnect: true, keyPrefix: `${prefix}:` })
    expect(client.stream as unknown).toBeUndefined()
    await client.connect()
    sent.length = 0
    await client.set('a', '1', 'PX', 1_000)
    await client.pipeline().get('a').get('b').exec()
    await client.multi().get('a').exec()
    await client.ping()
    expect(sent).toEqual(['set', 'get', 'get', 'multi', 'get', 'exec', 'ping'])
    expect(client.stream).toMatchObject({ writable: true })
    client.stream.cork()
    expect(client.stream.writableCorked).toBe(1)
    client.stream.uncork()
    client.disconnect()
  })

  it('corking `stream` sends the commands of one turn in one packet', async () => {
    await using proxy = await openProxy()
    await using clients = await openClients(proxy.port, '127.0.0.1')
    await clients.commands.ping()
    proxy.counted.packets = 0
    await Promise.all(Array.from({ length: 200 }, (_, n) => clients.commands.get(`key${n}`)))
    expect(proxy.counted.packets).toBeLessThan(10)
  })

  it('a subscriber renews its subscriptions before a later `ping` is answered, and may ping', async () => {
    await using proxy = await openProxy()
    await using clients = await openClients(proxy.port, '127.0.0.1')
    await using direct = await openClients()
    const topic = `${prefix}:topic`
    await clients.subscriber.subscribe(topic)
    const ready = once(clients.subscriber, 'ready')
    proxy.cut()
    await ready
    await clients.subscriber.ping()
    const messages: string[] = []
    clients.subscriber.on('message', (_topic, message) => messages.push(message))
    await direct.commands.call('PUBLISH', topic, 'x')
    await clients.subscriber.ping()
    expect(messages).toEqual(['x'])
  })

  it('commands without a connection fail with errors that are recognised as an unavailable Redis', async () => {
    await using proxy = await openProxy()
    const clients = await openClients(proxy.port, '127.0.0.1')
    const waiting = clients.commands.blpop('never', 0).catch((error: unknown) => error)
    await clients.commands.ping().catch(() => undefined)
    await proxy[Symbol.asyncDispose]()
    await waitUntil(() => clients.commands.status !== 'ready')
    const offline: unknown = await clients.commands.get('a').catch((error: unknown) => error)
    for (const error of [await waiting, offline]) {
      expect(error).toBeInstanceOf(Error)
      expect([String(error), toRefusal(error).kind.code]).toEqual([String(error), refusals.unavailable.code])
    }
    // Replaced on the instance, so that the callers that ignore the promise of a publish may.
    expect(await clients.publisher.publish('topic', 'x')).toBe(0)
    expect((await clients.metrics.redisPublishFailures.get()).values[0]?.value).toBe(1)
    await clients[Symbol.asyncDispose]()
  })

  it('`keyPrefix` is put before the keys of a script, and not before its other arguments', async () => {
    await using clients = await openClients()
    clients.commands.defineCommand('echoAll', { numberOfKeys: 1, lua: 'return {KEYS[1], ARGV[1]}' })
    clients.commands.defineCommand('echoMany', { lua: 'return {KEYS[1], KEYS[2], ARGV[1]}' })
    const scripts = clients.commands as unknown as {
      echoAll(key: string, argument: string): Promise<string[]>
      echoMany(count: number, ...keysAndArguments: string[]): Promise<string[]>
    }
    expect(await scripts.echoAll('a', 'b')).toEqual([`${prefix}:a`, 'b'])
    expect(await scripts.echoMany(2, 'a', 'b', 'c')).toEqual([`${prefix}:a`, `${prefix}:b`, 'c'])
  })
})
