import { createAdapter, type RedisAdapter } from '@socket.io/redis-adapter'
import { type Namespace } from 'socket.io'
import { describeError } from '../kernel/world/log'
import { type World } from '../kernel/world'

const requestsTimeoutMs = 2_000

/** Carries what one node says to the rooms of all. The publisher of our world never rejects: the adapter would not look. */
export function crossNodeAdapter(world: Pick<World, 'redis' | 'log'>): (namespace: Namespace) => RedisAdapter {
  const create = createAdapter(world.redis.publisher, guarded(world), {
    key: `${world.redis.prefix}:io`,
    requestsTimeout: requestsTimeoutMs,
    publishOnSpecificResponseChannel: true,
  })
  // Socket.IO calls it with `new`.
  return function (namespace) {
    return writingFramesAtOnce(create(namespace))
  }
}

interface Encoder {
  _encode(packet: unknown, options: { wsPreEncodedFrame?: Buffer[] }): unknown
}

/**
 * The adapter makes a WebSocket frame once for a whole room, but in two pieces, header and text, which the kernel is handed
 * one by one for each socket. In one piece a full room costs a tenth less (`npm run bench -- --only fan-out`). Should the
 * adapter come to work in another way, all is as it was.
 */
function writingFramesAtOnce(adapter: RedisAdapter): RedisAdapter {
  const encoder = adapter as unknown as Partial<Encoder>
  const encode = encoder._encode?.bind(adapter)
  if (encode === undefined) return adapter
  encoder._encode = (packet, options) => {
    const encoded = encode(packet, options)
    if (options.wsPreEncodedFrame !== undefined) options.wsPreEncodedFrame = [Buffer.concat(options.wsPreEncodedFrame)]
    return encoded
  }
  return adapter
}

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
