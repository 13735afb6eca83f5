import { Client } from 'pg'
import { describeError } from '../kernel/world/log'
import { type World } from '../kernel/world'
import { type Bell } from './bell'

const reconnectMs = 500
const queryTimeoutMs = 6_000
/**
 * PostgreSQL ends a connection that is idle or does not take its data for this long, and releases its locks, so that a frozen node
 * blocks nobody. `lock_timeout` bounds the wait for the locks of such a connection.
 */
const silenceMs = 3_000
const settings = { idle_session_timeout: silenceMs, tcp_user_timeout: silenceMs, lock_timeout: silenceMs }

interface ConnectionOptions {
  /** The `application_name` in PostgreSQL. */
  name: string
  bell: Bell
  closing: AbortSignal
}

/**
 * Runs `work` on a dedicated PostgreSQL connection, because session advisory locks live as long as their connection; reconnects when
 * it is lost, until `closing` aborts. `work` must send a query at least every 3 s. Never rejects.
 */
export async function workOnSeat(
  world: World,
  { name, bell, closing }: ConnectionOptions,
  work: (connection: Client) => Promise<void>,
): Promise<void> {
  while (!closing.aborted) {
    const connection = createConnection(world, name)
    try {
      await connection.connect()
      await work(connection)
    } catch (error) {
      if (!isClosing(closing)) world.log.warn({ name, ...describeError(error) }, 'lost a dedicated database connection')
    }
    await connection.end().catch(() => undefined)
    if (!isClosing(closing)) await bell.wait(reconnectMs)
  }
}

const isClosing = (closing: AbortSignal): boolean => closing.aborted

function createConnection(world: World, name: string): Client {
  const connection = new Client({
    connectionString: world.db.url,
    application_name: name,
    keepAlive: true,
    connectionTimeoutMillis: queryTimeoutMs,
    query_timeout: queryTimeoutMs,
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
  })
  connection.on('error', () => undefined)
  return connection
}
