import { gather } from '../../kernel/gather'
import { type Position, type StreamEvent } from '../../kernel/stream'
import { type LogPart } from '../../kernel/world/channel-log'
import { type World } from '../../kernel/world'

/** What one read takes at most. */
const readMax = 500

/** A part of a channel's log. `events` is undefined when what comes next is forgotten, of another epoch, or not there yet. */
export interface ReadPart {
  epoch: string
  top: number
  events: readonly StreamEvent[] | undefined
}

export type LogReader = ReturnType<typeof readLog>

/** Reads the log: from its copy in Redis when that has it, else from PostgreSQL, which knows. */
export function readLog({ channels, channelCache, metrics }: Pick<World, 'channels' | 'channelCache' | 'metrics'>) {
  const topOf = gather(asked => channels.tops(asked))
  const reading = new Map<string, Promise<LogPart>>()

  /** One question at a time, however many ask it. */
  function askOnce(channel: string, offset: number): Promise<LogPart> {
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
      const copied = await channelCache.position(channel).catch(() => undefined)
      if (copied !== undefined) return copied
      const read = { epoch: await channels.epoch(), offset: (await topOf(channel)) ?? 0 }
      channelCache.place(channel, read).catch(() => undefined)
      return read
    },

    /** What comes after a place, from a log that is known to have reached `atLeast`. */
    async after(channel: string, { epoch, offset }: Position, atLeast: number): Promise<ReadPart> {
      const copied = await channelCache.after(channel, offset, readMax).catch(() => undefined)
      if (copied?.epoch === epoch && copied.events !== undefined && copied.top >= atLeast) {
        metrics.backfills.inc({ from: 'redis' })
        return copied
      }
      const shared = await askOnce(channel, offset)
      // Another's question may have been asked before our follower was there to hear what came next.
      const part = shared.top >= atLeast ? shared : await askOnce(channel, offset)
      const next = part.events[0]?.offset ?? part.top + 1
      const isWhole = part.epoch === epoch && next === offset + 1
      return { epoch: part.epoch, top: part.top, events: isWhole ? part.events : undefined }
    },
  }
}
