import { gather } from '../../kernel/gather'
import { type Position, type StreamEvent } from '../../kernel/stream'
import { type LogPart } from '../../kernel/world/channel-log'
import { type World } from '../../kernel/world'

/** Limit of events per read. */
const readMax = 500

/** A page of a channel's log. `events` is undefined when the next event was deleted, is of another epoch, or does not exist yet. */
export interface ReadPart {
  epoch: string
  top: number
  events: readonly StreamEvent[] | undefined
}

export type LogReader = ReturnType<typeof readLog>

/** Reads the channel log from its copy in Redis, or from PostgreSQL when Redis does not have it all. */
export function readLog({ channels, channelCache, metrics }: Pick<World, 'channels' | 'channelCache' | 'metrics'>) {
  const topOf = gather(channelNames => channels.tops(channelNames))
  const reading = new Map<string, Promise<LogPart>>()

  /** Shares one running query among concurrent reads of the same position. */
  function readShared(channel: string, offset: number): Promise<LogPart> {
    const key = `${channel} ${offset}`
    const running = reading.get(key)
    if (running !== undefined) return running
    metrics.backfills.inc({ from: 'postgres' })
    const started = channels.after(channel, offset, readMax).finally(() => reading.delete(key))
    reading.set(key, started)
    return started
  }

  return {
    async position(channel: string): Promise<Position> {
      const cached = await channelCache.position(channel).catch(() => undefined)
      if (cached !== undefined) return cached
      const read = { epoch: await channels.epoch(), offset: (await topOf(channel)) ?? 0 }
      channelCache.place(channel, read).catch(() => undefined)
      return read
    },

    /** Reads the events after a position; the log is known to have reached the offset `atLeast`. */
    async after(channel: string, { epoch, offset }: Position, atLeast: number): Promise<ReadPart> {
      const cached = await channelCache.after(channel, offset, readMax).catch(() => undefined)
      if (cached?.epoch === epoch && cached.events !== undefined && cached.top >= atLeast) {
        metrics.backfills.inc({ from: 'redis' })
        return cached
      }
      const shared = await readShared(channel, offset)
      // A shared query may have started before our follower subscribed: repeat it when it does not reach `atLeast`.
      const part = shared.top >= atLeast ? shared : await readShared(channel, offset)
      const next = part.events[0]?.offset ?? part.top + 1
      const isWhole = part.epoch === epoch && next === offset + 1
      return { epoch: part.epoch, top: part.top, events: isWhole ? part.events : undefined }
    },
  }
}
