import { setTimeout as pause } from 'node:timers/promises'
import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'
import { type Followed } from './followed'
import { type Values } from './values'

/** PostgreSQL is asked at most once in so long, whatever is followed. */
const lookEveryMs = 1_000
/** What Redis has told may be late or lost without a trace: PostgreSQL is asked about it so often. */
const doubtedAfterMs = 5_000
const askedAtOnceMax = 2_000

/**
 * Makes up for what Redis does not tell: while it is away or frozen, everything followed is read from PostgreSQL once a second;
 * when it is back, once more; and in good times now and then, and soon after a value came from the copy in Redis.
 */
export function watchState(world: World, values: Values, followed: Followed): AsyncDisposable {
  const closing = new AbortController()
  let isHealthy = true

  async function look(): Promise<void> {
    const wasHealthy = isHealthy
    isHealthy = world.redis.subscriber.status === 'ready' && (await isThere(world))
    if (isHealthy && !wasHealthy) followed.doubtAll()
    const then = world.clock.now() - (isHealthy ? doubtedAfterMs : 0)
    const channels = followed.unsureSince(then, askedAtOnceMax)
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
      await look().catch((error: unknown) =>
        world.log.warn(describeError(error), 'the state of channels could not be read'),
      )
      await pause(lookEveryMs, undefined, { signal: closing.signal }).catch(() => undefined)
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

const isThere = ({ redis }: World): Promise<boolean> =>
  redis.ping().then(
    () => true,
    () => false,
  )
