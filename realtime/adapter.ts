import { createAdapter } from '@socket.io/redis-adapter'
import { type World } from '../kernel/world'

const requestsTimeoutMs = 2_000

/** Carries what one node says to the rooms of all. The publisher of our world never rejects: the adapter would not look. */
export const crossNodeAdapter = ({ redis }: Pick<World, 'redis'>) =>
  createAdapter(redis.publisher, redis.subscriber, {
    key: `${redis.prefix}:io`,
    requestsTimeout: requestsTimeoutMs,
    publishOnSpecificResponseChannel: true,
  })
