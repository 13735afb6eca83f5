import { setTimeout as pause } from 'node:timers/promises'
import { describeError } from '../../kernel/platform/log'
import { type AppContext } from '../../kernel/platform/app-context'
import { type FollowedState } from './followed-state'
import { type StateStore } from './state-store'

/** Minimum interval of reading PostgreSQL. */
const intervalMs = 1_000
/** Age after which a value is read again from PostgreSQL, because Redis can lose a message without an error. */
const recheckAfterMs = 5_000
const channelsPerReadMax = 2_000

/**
 * Repairs values that Redis did not deliver: while it is down or frozen, all followed channels are read from PostgreSQL once a second;
 * once more when it is back; every 5 s while it is up, and soon after a value was read from the copy in Redis.
 */
export function startStateRepair(app: AppContext, values: StateStore, followed: FollowedState): AsyncDisposable {
  const closing = new AbortController()
  let isHealthy = true

  async function repair(): Promise<void> {
    const wasHealthy = isHealthy
    isHealthy = app.redis.subscriber.status === 'ready' && (await app.redis.isUp())
    if (isHealthy && !wasHealthy) followed.markAllStale()
    const then = app.clock.now() - (isHealthy ? recheckAfterMs : 0)
    const channels = followed.notReadSince(then, channelsPerReadMax)
    if (channels.length === 0) return
    for (const [channel, state] of await values.readFromDatabase(channels))
      for (const [key, value] of Object.entries(state)) {
        if (!followed.receive(channel, key, value)) continue
        app.metrics.stateRepairs.inc()
        void values.publish(channel, key, value)
      }
    followed.markRead(channels)
  }

  async function watch(): Promise<void> {
    while (!closing.signal.aborted) {
      await repair().catch((error: unknown) => app.log.warn(describeError(error), 'could not read channel state'))
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
