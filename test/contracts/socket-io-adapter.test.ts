import { createAdapter } from '@socket.io/redis-adapter'
import { type Redis } from 'ioredis'
import { createLog } from '../../kernel/platform/log'
import { createMetrics } from '../../kernel/platform/metrics'
import { openRedis } from '../../kernel/platform/redis'
import { createSocketIoAdapter } from '../../realtime/socket-io-adapter'
import { testStack } from '../stack'
import { waitUntil } from '../kernel/wait-until'
import { describeContract } from './describe-contract'
import { openSocketServer } from './open-socket-server'

const { REDIS_HOST: host = '', REDIS_PORT = '' } = testStack().variables
const log = createLog('silent')

async function openTestRedis() {
  const prefix = `test-adapter-${process.pid}`
  const redis = { host, port: Number(REDIS_PORT), password: undefined, tls: false, prefix }
  const opened = openRedis({ redis }, log, createMetrics().redisPublishFailures)
  await opened.ready(5_000)
  return opened
}

interface Encoder {
  _encode(packet: unknown, options: { wsPreEncodedFrame?: Buffer[] }): unknown
}

describeContract('socket.io-adapter', '2.5', 'realtime/socket-io-adapter.ts', () => {
  it('`_encode` leaves a frame of two buffers in its options, header and payload; ours joins them', async () => {
    const event = { type: 2, data: ['state', { likes: 1 }], nsp: '/' }
    await using plain = await openSocketServer()
    const options: { wsPreEncodedFrame?: Buffer[] } = {}
    const encoder = plain.io.of('/').adapter as unknown as Encoder
    expect(encoder._encode(event, options)).toEqual(['2["state",{"likes":1}]'])
    expect(options.wsPreEncodedFrame).toHaveLength(2)

    await using redis = await openTestRedis()
    await using ours = await openSocketServer({ adapter: createSocketIoAdapter({ redis, log }) as never })
    const joined: { wsPreEncodedFrame?: Buffer[] } = {}
    ;(ours.io.of('/').adapter as unknown as Encoder)._encode(event, joined)
    expect(joined.wsPreEncodedFrame).toEqual([Buffer.concat(options.wsPreEncodedFrame ?? [])])
  })

  it('a frame in one buffer arrives as it was sent', async () => {
    await using redis = await openTestRedis()
    await using server = await openSocketServer({ adapter: createSocketIoAdapter({ redis, log }) as never })
    const { client, socket } = await server.connect()
    await socket.join('a:1')
    const received = new Promise(resolve => client.once('state', resolve))
    server.io.local.to('a:1').emit('state', { likes: 1, text: 'ä'.repeat(300) })
    expect(await received).toEqual({ likes: 1, text: 'ä'.repeat(300) })
  })

  it('rooms are reported as create, join, leave, delete', async () => {
    await using server = await openSocketServer()
    const { socket } = await server.connect()
    const { adapter } = server.io.of('/')
    const steps: string[] = []
    for (const name of ['create-room', 'join-room', 'leave-room', 'delete-room'])
      adapter.on(name, (room: string) => steps.push(`${name} ${room}`))
    await socket.join('a:1')
    await socket.leave('a:1')
    expect(steps).toEqual(['create-room a:1', 'join-room a:1', 'leave-room a:1', 'delete-room a:1'])
  })
})

describeContract('@socket.io/redis-adapter', '8.3', 'realtime/socket-io-adapter.ts', () => {
  /** Members of the subscriber that our wrapper has. */
  const wrapped = ['on', 'off', 'listenerCount', 'subscribe', 'psubscribe', 'unsubscribe', 'punsubscribe']

  it('uses no other member of a subscriber than our wrapper has, and the events of ioredis', async () => {
    await using redis = await openTestRedis()
    const used = new Set<string>()
    const events = new Set<unknown>()
    const recorded = new Proxy(redis.subscriber, {
      get(target: Redis, name: string) {
        used.add(name)
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        return (...args: unknown[]) => {
          if (name === 'on') events.add(args[0])
          return Reflect.apply(member, target, args) as unknown
        }
      },
    })
    const adapter = createAdapter(redis.publisher, recorded, { key: `${redis.prefix}:io` })
    {
      await using server = await openSocketServer({ adapter: adapter as never })
      server.io.emit('hello')
    }
    await waitUntil(() => used.has('punsubscribe'))
    expect([...used].filter(name => !wrapped.includes(name))).toEqual([])
    expect(events).toEqual(new Set(['pmessageBuffer', 'messageBuffer', 'error']))
  })

  it('publishes with `publish` and ignores its promise', async () => {
    await using redis = await openTestRedis()
    const published: unknown[] = []
    const recorded = new Proxy(redis.publisher, {
      get(target: Redis, name: string) {
        if (name !== 'publish') return Reflect.get(target, name) as unknown
        return (channel: string) => {
          published.push(channel)
          return { then: () => published.push('awaited'), catch: () => published.push('caught') }
        }
      },
    })
    await using server = await openSocketServer({
      adapter: createAdapter(recorded, redis.subscriber, { key: `${redis.prefix}:io` }) as never,
    })
    server.io.to('a:1').emit('hello')
    await waitUntil(() => published.length > 0)
    expect(published).toEqual([`${redis.prefix}:io#/#a:1#`])
  })
})
