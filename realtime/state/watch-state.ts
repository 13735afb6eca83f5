import { setTimeout as pause } from 'node:timers/promises'
import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'
import { type Followed } from './followed'
import { type Values } from './values'

/** Minimum interval of reading PostgreSQL. */
const intervalMs = 1_000
/** Age after which a value is read again from PostgreSQL, because Redis can lose a message without an error. */
const recheckAfterMs = 5_000
const channelsPerReadMax = 2_000

/**
 * Repairs values that Redis did not deliver: while it is down or frozen, all followed channels are read from PostgreSQL once a second;
 * once more when it is back; every 5 s while it is up, and soon after a value was read from the copy in Redis.
 */
export function watchState(world: World, values: Values, followed: Followed): AsyncDisposable {
  const closing = new AbortController()
  let isHealthy = true

  async function repair(): Promise<void> {
    const wasHealthy = isHealthy
    isHealthy = world.redis.subscriber.status === 'ready' && (await isRedisUp(world))
    if (isHealthy && !wasHealthy) followed.doubtAll()
    const then = world.clock.now() - (isHealthy ? recheckAfterMs : 0)
    const channels = followed.unsureSince(then, channelsPerReadMax)
    if (channels.length === 0) return
    for (const [channel, state] of await values.readSure(channels))
      for (const [key, value] of Object.entries(state)) {
        if (!followed.hear(channel, key, value)) continue
        world.metrics.stateRepairs.inc()
        void values.publish(channel, key, value)
      }
    followed.sure(channels)
  }

  async function watch(): Promise<void> {
    while (!closing.signal.aborted) {
      await repair().catch((error: unknown) => world.log.warn(describeError(error), 'could not read channel state'))
      await pause(intervalMs, undefined, { signal: closing.signal }).catch(() => undefined)
    }
  }

  const ended = watch()
  return {
    [Symbol.asyncDispose]: async () => {
      closing.abort()
      await ended
    },
  }
}

const isRedisUp = ({ redis }: World): Promise<boolean> =>
  redis.ping().then(
    () => true,
    () => false,
  )
