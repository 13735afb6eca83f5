import { createAdapter } from '@socket.io/redis-adapter'
import { describeError } from '../kernel/world/log'
import { type World } from '../kernel/world'

const requestsTimeoutMs = 2_000

/** Carries what one node says to the rooms of all. The publisher of our world never rejects: the adapter would not look. */
export const crossNodeAdapter = (world: Pick<World, 'redis' | 'log'>) =>
  createAdapter(world.redis.publisher, guarded(world), {
    key: `${world.redis.prefix}:io`,
    requestsTimeout: requestsTimeoutMs,
    publishOnSpecificResponseChannel: true,
  })

type Listener = (...args: unknown[]) => unknown

/**
 * The subscriber as the adapter uses it. The adapter believes whatever it reads, so that a message which is not its own
 * would throw, or reject unheard, and end the process; nor does it look at the promise of a subscription.
 */
function guarded({ redis: { subscriber }, log }: Pick<World, 'redis' | 'log'>) {
  const guards = new Map<unknown, Listener>()
  const drop = (error: unknown) => log.warn(describeError(error), 'a message between nodes was not understood')
  const guard =
    (listener: Listener): Listener =>
    async (...args) => {
      try {
        await listener(...args)
      } catch (error) {
        drop(error)
      }
    }
  const quietly = (answer: Promise<unknown>) => void answer.catch(() => undefined)
  return {
    on(event: string, listener: Listener) {
      const guardian = guard(listener)
      guards.set(listener, guardian)
      subscriber.on(event, guardian)
    },
    off(event: string, listener: Listener) {
      subscriber.off(event, guards.get(listener) ?? listener)
      guards.delete(listener)
    },
    listenerCount: (event: string) => subscriber.listenerCount(event),
    subscribe: (channels: string[]) => quietly(subscriber.subscribe(...channels)),
    psubscribe: (pattern: string) => quietly(subscriber.psubscribe(pattern)),
    unsubscribe: (channels: string[]) => quietly(subscriber.unsubscribe(...channels)),
    punsubscribe: (pattern: string) => quietly(subscriber.punsubscribe(pattern)),
  }
}
