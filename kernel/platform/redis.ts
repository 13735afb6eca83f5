import { Redis, type RedisOptions } from 'ioredis'
import { type Counter } from 'prom-client'
import { type Config } from './config'
import { describeError, type Log } from './log'

const commandTimeoutMs = 500

export type RedisClients = ReturnType<typeof openRedis>

/**
 * Opens three Redis connections. `commands` and `publisher` fail fast, so that a call never waits for an unavailable Redis;
 * `subscriber` reconnects and resubscribes. Redis holds nothing that cannot be rebuilt.
 */
export function openRedis(config: Pick<Config, 'redis'>, log: Log, publishFailures: Pick<Counter, 'inc'>) {
  const { host, port, password, tls, prefix } = config.redis
  const shared = {
    host,
    port,
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    connectTimeout: 2_000,
    retryStrategy: (attempt: number) =>
      Math.min(50 * 2 ** Math.min(attempt, 6), 2_000) + Math.floor(Math.random() * 100),
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies RedisOptions
  const failFast = {
    ...shared,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    // A command that was sent but not answered may have been applied: never send it twice.
    autoResendUnfulfilledCommands: false,
  } satisfies RedisOptions
  // Do not use `enableAutoPipelining`: a pipeline with missing replies (seen under load) throws an uncatchable error.
  const commands = new WriteBatchingRedis({ ...failFast, keyPrefix: `${prefix}:` })
  const publisher = withSafePublish(new WriteBatchingRedis(failFast), publishFailures)
  const subscriber = new WriteBatchingRedis({ ...shared, maxRetriesPerRequest: null, autoResubscribe: true })
  const clients = { commands, publisher, subscriber }
  for (const [name, client] of Object.entries(clients))
    client.on('error', error => log.warn({ client: name, ...describeError(error) }, 'redis unavailable'))

  return {
    ...clients,
    prefix,
    /** Resolves when all connections are ready, rejects after `timeoutMs`. */
    ready: async (timeoutMs: number): Promise<void> => {
      await Promise.all(Object.values(clients).map(client => untilReady(client, timeoutMs)))
    },
    ping: async (): Promise<void> => {
      await commands.ping()
    },
    /** Whether Redis answers a ping. Never rejects. */
    isUp: (): Promise<boolean> =>
      commands.ping().then(
        () => true,
        () => false,
      ),
    [Symbol.asyncDispose]: async () => {
      for (const client of Object.values(clients)) client.disconnect()
    },
  }
}

/**
 * Batches the commands of one event loop turn into one socket write, because a write costs more than a small command. It
 * matters when a thousand clients reconnect at once.
 */
class WriteBatchingRedis extends Redis {
  private isCorked = false

  override sendCommand(...args: Parameters<Redis['sendCommand']>): unknown {
    // Undefined before the first connection, although its type says otherwise.
    const socket = this.stream as Redis['stream'] | undefined
    if (!this.isCorked && socket?.writable) {
      this.isCorked = true
      socket.cork()
      setImmediate(() => {
        this.isCorked = false
        socket.uncork()
      })
    }
    return super.sendCommand(...args)
  }
}

/**
 * Counts failed publishes instead of rejecting. Socket.IO's adapter ignores the promise of a publish, so that an unavailable
 * Redis would end the process with an unhandled rejection.
 */
function withSafePublish(client: Redis, failures: Pick<Counter, 'inc'>): Redis {
  const publish = client.publish.bind(client)
  client.publish = (channel: string | Buffer, message: string | Buffer) =>
    publish(channel, message).catch(() => {
      failures.inc()
      return 0
    })
  return client
}

async function untilReady(client: Redis, timeoutMs: number): Promise<void> {
  if (client.status === 'ready') return
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('redis was not ready in time')), timeoutMs)
    client.once('ready', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
