import { Client } from 'pg'
import { describeError } from '../kernel/platform/log'
import { type AppContext } from '../kernel/platform/app-context'
import { type WakeUp } from './wake-up'

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
  wakeUp: WakeUp
  closing: AbortSignal
}

/**
 * Runs `work` on a dedicated PostgreSQL connection, because session advisory locks live as long as their connection; reconnects when
 * it is lost, until `closing` aborts. `work` must send a query at least every 3 s. Never rejects.
 */
export async function runOnDedicatedConnection(
  app: AppContext,
  { name, wakeUp, closing }: ConnectionOptions,
  work: (connection: Client) => Promise<void>,
): Promise<void> {
  while (!closing.aborted) {
    const connection = createConnection(app, name)
    try {
      await connection.connect()
      await work(connection)
    } catch (error) {
      if (!isClosing(closing)) app.log.warn({ name, ...describeError(error) }, 'lost a dedicated database connection')
    }
    await connection.end().catch(() => undefined)
    if (!isClosing(closing)) await wakeUp.wait(reconnectMs)
  }
}

const isClosing = (closing: AbortSignal): boolean => closing.aborted

function createConnection(app: AppContext, name: string): Client {
  const connection = new Client({
    connectionString: app.db.url,
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
