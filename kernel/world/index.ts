import { createCache } from './cache'
import { createChannelCache } from './channel-cache'
import { createChannelLog } from './channel-log'
import { type Clock, systemClock } from './clock'
import { type Config } from './config'
import { type Database, openDatabase } from './database'
import { createJobs } from './jobs'
import { createKeyring } from './keyring'
import { createLimits } from './limits'
import { createLog, type Log } from './log'
import { createMedia } from './media'
import { createMetrics } from './metrics'
import { createPresence, type PresenceTimes } from './presence'
import { openRedis } from './redis'
import { createRevocations } from './revocations'
import { createRights } from './rights'
import { createStateCache } from './state-cache'
import { createSeats } from './seats'
import { openStorage } from './storage'
import { createTallies } from './tallies'
import { createTokens } from './tokens'

export type World = Awaited<ReturnType<typeof createWorld>>

/** Replacements for tests: a fake clock, a log, a database that two nodes share, shorter presence times. */
export interface WorldParts {
  clock?: Clock
  log?: Log
  database?: Database
  presence?: PresenceTimes
}

/** Creates everything outside the process, once; disposed in reverse order. */
export async function createWorld(config: Config, parts: WorldParts = {}) {
  const opened: AsyncDisposable[] = []
  const use = <T extends AsyncDisposable>(part: T): T => {
    opened.unshift(part)
    return part
  }
  const clock = parts.clock ?? systemClock
  const log = parts.log ?? createLog(config.logLevel)
  const metrics = createMetrics()
  const db = parts.database ?? use(await openDatabase(config, log))
  const redis = use(openRedis(config, log, metrics.publishesLost))
  const storage = use(openStorage(config))
  const keyring = createKeyring({ url: config.auth.jwksUrl, clock, log, redis, fetches: metrics.jwksFetches })
  return {
    config,
    clock,
    log,
    metrics,
    db,
    redis,
    storage,
    cache: createCache(redis, metrics.cache),
    limits: createLimits(redis),
    tokens: createTokens(config.auth, keyring, clock),
    revocations: createRevocations(db, clock),
    media: createMedia(config, storage),
    channels: createChannelLog(db, redis, () => clock.now()),
    channelCache: createChannelCache(redis, () => clock.now()),
    rights: createRights(redis),
    presence: createPresence(redis, parts.presence),
    seats: createSeats(redis),
    jobs: createJobs(db),
    tallies: createTallies(db, redis),
    stateCache: createStateCache(redis),
    [Symbol.asyncDispose]: async () => {
      for (const part of opened) await part[Symbol.asyncDispose]()
    },
  }
}
