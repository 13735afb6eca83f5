import { Redis, type RedisOptions } from 'ioredis'
import { type Counter } from 'prom-client'
import { type Config } from './config'
import { describeError, type Log } from './log'

const commandTimeoutMs = 500

export type RedisClients = ReturnType<typeof openRedis>

/**
 * Three connections, each with the manners its work needs. `commands` fails fast, so that a call never waits for a Redis
 * that is away; `publisher` likewise; `subscriber` waits and subscribes again. Redis holds nothing that cannot be
 * rebuilt.
 */
export function openRedis(config: Pick<Config, 'redis'>, log: Log, publishesLost: Pick<Counter, 'inc'>) {
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
  const impatient = {
    ...shared,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    // A command that was sent but not answered may have been applied: never send it twice.
    autoResendUnfulfilledCommands: false,
  } satisfies RedisOptions
  // Not `enableAutoPipelining`: a pipeline that is answered short (seen under load) throws where nobody can catch it.
  const commands = new GatheringRedis({ ...impatient, keyPrefix: `${prefix}:` })
  const publisher = neverRejecting(new GatheringRedis(impatient), publishesLost)
  const subscriber = new GatheringRedis({ ...shared, maxRetriesPerRequest: null, autoResubscribe: true })
  const clients = { commands, publisher, subscriber }
  for (const [name, client] of Object.entries(clients))
    client.on('error', error => log.warn({ client: name, ...describeError(error) }, 'redis is away'))

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
    [Symbol.asyncDispose]: async () => {
      for (const client of Object.values(clients)) client.disconnect()
    },
  }
}

/**
 * Commands that are given in one turn of the event loop leave in one write, which costs more than the commands: a thousand
 * people who come back at once have a thousand small questions.
 */
class GatheringRedis extends Redis {
  private isGathering = false

  override sendCommand(...sent: Parameters<Redis['sendCommand']>): unknown {
    // Its type says that it is always there; before the first connection it is not.
    const wire = this.stream as Redis['stream'] | undefined
    if (!this.isGathering && wire?.writable) {
      this.isGathering = true
      wire.cork()
      setImmediate(() => {
        this.isGathering = false
        wire.uncork()
      })
    }
    return super.sendCommand(...sent)
  }
}

/**
 * Socket.IO's adapter never looks at the promise of a publish, so that a Redis which is away would end the process: here
 * a publish that fails is counted and forgotten.
 */
function neverRejecting(client: Redis, lost: Pick<Counter, 'inc'>): Redis {
  const publish = client.publish.bind(client)
  client.publish = (channel: string | Buffer, message: string | Buffer) =>
    publish(channel, message).catch(() => {
      lost.inc()
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
