import { createBatchLoader } from '../../kernel/platform/batch-loader'
import { type ChannelEvent } from '../../kernel/events/frames'
import { type Position } from '../../kernel/events/position'
import { type LogPage as StoredLogPage } from '../../kernel/events/channel-log'
import { type AppContext } from '../../kernel/platform/app-context'

/** Limit of events per read. */
const readMax = 500

/** A page of a channel's log. `events` is undefined when the next event was deleted, is of another epoch, or does not exist yet. */
export interface LogPage {
  epoch: string
  latestOffset: number
  events: readonly ChannelEvent[] | undefined
}

export type LogReader = ReturnType<typeof createLogReader>

/** Reads the channel log from its copy in Redis, or from PostgreSQL when Redis does not have it all. */
export function createLogReader({
  channelLog,
  channelCache,
  metrics,
}: Pick<AppContext, 'channelLog' | 'channelCache' | 'metrics'>) {
  const cachedPositionOf = createBatchLoader(channelNames => channelCache.positions(channelNames))
  const topOf = createBatchLoader(channelNames => channelLog.latestOffsets(channelNames))
  const reading = new Map<string, Promise<StoredLogPage>>()

  /** Shares one running query among concurrent reads of the same position. */
  function readShared(channel: string, offset: number): Promise<StoredLogPage> {
    const key = `${channel} ${offset}`
    const running = reading.get(key)
    if (running !== undefined) return running
    metrics.backfills.inc({ source: 'postgres' })
    const started = channelLog.readAfter(channel, offset, readMax).finally(() => reading.delete(key))
    reading.set(key, started)
    return started
  }

  return {
    async readPosition(channel: string): Promise<Position> {
      const cached = await cachedPositionOf(channel).catch(() => undefined)
      if (cached !== undefined) return cached
      const read = { epoch: await channelLog.epoch(), offset: (await topOf(channel)) ?? 0 }
      channelCache.setPositionIfUnknown(channel, read).catch(() => undefined)
      return read
    },

    /** Reads the events after a position; the log is known to have reached the offset `atLeast`. */
    async readAfter(channel: string, { epoch, offset }: Position, atLeast: number): Promise<LogPage> {
      const cached = await channelCache.readAfter(channel, offset, readMax).catch(() => undefined)
      if (cached?.epoch === epoch && cached.events !== undefined && cached.latestOffset >= atLeast) {
        metrics.backfills.inc({ source: 'redis' })
        return cached
      }
      const shared = await readShared(channel, offset)
      // A shared query may have started before our follower subscribed: repeat it when it does not reach `atLeast`.
      const part = shared.latestOffset >= atLeast ? shared : await readShared(channel, offset)
      const next = part.events[0]?.offset ?? part.latestOffset + 1
      const isWhole = part.epoch === epoch && next === offset + 1
      return { epoch: part.epoch, latestOffset: part.latestOffset, events: isWhole ? part.events : undefined }
    },
  }
}
