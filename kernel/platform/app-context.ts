import { createCache } from './cache'
import { createChannelCache } from '../events/channel-cache'
import { createChannelLog } from '../events/channel-log'
import { type Clock, systemClock } from './clock'
import { type Config } from './config'
import { type Database, openDatabase } from './database'
import { createJobQueue } from '../events/job-queue'
import { createJwksCache } from './jwks-cache'
import { createRateLimiter } from './rate-limiter'
import { createLog, type Log } from './log'
import { createMediaUrls } from './media-urls'
import { createMetrics } from './metrics'
import { createPresenceStore, type PresenceTimings } from './presence-store'
import { openRedis } from './redis'
import { createRevocations } from './revocations'
import { createChannelAccessCache } from '../events/channel-access-cache'
import { createStateCache } from '../events/state-cache'
import { createConnectionQuota } from './connection-quota'
import { openStorage } from './storage'
import { createCounters } from '../events/counters'
import { createTokens } from './tokens'

export type AppContext = Awaited<ReturnType<typeof createAppContext>>

/** Replacements for tests: a fake clock, a log, a database that two nodes share, shorter presence times. */
export interface AppContextOverrides {
  clock?: Clock
  log?: Log
  database?: Database
  presence?: PresenceTimings
}

/** Creates everything outside the process, once; disposed in reverse order, also when a later part cannot be created. */
export async function createAppContext(config: Config, overrides: AppContextOverrides = {}) {
  const opened: AsyncDisposable[] = []
  const dispose = async () => {
    for (const part of opened.splice(0).reverse()) await part[Symbol.asyncDispose]()
  }
  const use = <T extends AsyncDisposable>(part: T): T => {
    opened.push(part)
    return part
  }
  try {
    return { ...(await createParts(config, overrides, use)), [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

async function createParts(
  config: Config,
  overrides: AppContextOverrides,
  use: <T extends AsyncDisposable>(part: T) => T,
) {
  const clock = overrides.clock ?? systemClock
  const log = overrides.log ?? createLog(config.logLevel)
  const metrics = createMetrics()
  const db = overrides.database ?? use(await openDatabase(config, log))
  const redis = use(openRedis(config, log, metrics.redisPublishFailures))
  const storage = use(openStorage(config))
  const jwksCache = createJwksCache({ url: config.auth.jwksUrl, clock, log, redis, fetches: metrics.jwksFetches })
  return {
    config,
    clock,
    log,
    metrics,
    db,
    redis,
    storage,
    cache: createCache(redis, metrics.cacheLookups),
    rateLimiter: createRateLimiter(redis),
    tokens: createTokens(config.auth, jwksCache, clock),
    revocations: createRevocations(db, clock),
    mediaUrls: createMediaUrls(config, storage),
    channelLog: createChannelLog(db, redis, () => clock.now()),
    channelCache: createChannelCache(redis, () => clock.now()),
    channelAccess: createChannelAccessCache(redis),
    presence: createPresenceStore(redis, overrides.presence),
    connectionQuota: createConnectionQuota(redis),
    jobs: createJobQueue(db),
    counters: createCounters(db, redis),
    stateCache: createStateCache(redis),
  }
}
