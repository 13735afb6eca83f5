import { Client } from 'pg'
import { describeError } from '../kernel/world/log'
import { type World } from '../kernel/world'
import { type Bell } from './bell'

const reconnectMs = 500
const answerWithinMs = 6_000
/**
 * PostgreSQL ends a session that has fallen silent, or that does not take its answer, and with it its locks: a frozen node stops
 * nobody. Nor does anybody wait long for the locks of one that is about to be ended.
 */
const silenceMs = 3_000
const settings = { idle_session_timeout: silenceMs, tcp_user_timeout: silenceMs, lock_timeout: silenceMs }

interface Sitting {
  /** Under which PostgreSQL shows the session. */
  name: string
  bell: Bell
  closing: AbortSignal
}

/**
 * Works on a connection used for nothing else, whose session locks live and die with it; on another one when it is lost,
 * until `closing`. `work` must ask something more often than every 3 s. Never rejects.
 */
export async function workOnSeat(
  world: World,
  { name, bell, closing }: Sitting,
  work: (seat: Client) => Promise<void>,
): Promise<void> {
  while (!closing.aborted) {
    const seat = takeSeat(world, name)
    try {
      await seat.connect()
      await work(seat)
    } catch (error) {
      if (!isOver(closing)) world.log.warn({ name, ...describeError(error) }, 'a seat was lost')
    }
    await seat.end().catch(() => undefined)
    if (!isOver(closing)) await bell.wait(reconnectMs)
  }
}

const isOver = (closing: AbortSignal): boolean => closing.aborted

function takeSeat(world: World, name: string): Client {
  const seat = new Client({
    connectionString: world.db.url,
    application_name: name,
    keepAlive: true,
    connectionTimeoutMillis: answerWithinMs,
    query_timeout: answerWithinMs,
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
  })
  seat.on('error', () => undefined)
  return seat
}
