import { createBatchLoader } from '../../kernel/platform/batch-loader'
import { type Registry } from '../../kernel/pipeline/registry'
import { type ChannelState } from '../../kernel/events/frames'
import { type AnyCounterType } from '../../kernel/events/counter'
import { type AppContext } from '../../kernel/platform/app-context'

export type StateValue = ChannelState[string]

/** Limit of values that Redis could not take; values beyond it are repaired from PostgreSQL. */
const unpublishedMax = 10_000

/** Reads the counter values of channels, and publishes them to the other nodes. */
export interface StateStore {
  /** The counter types of a channel; none for most channel types. */
  typesOf(channel: string): readonly AnyCounterType[]
  /** Reads from Redis, or from PostgreSQL when a value is missing there; then `isSure` is true. */
  read(channel: string): Promise<{ state: ChannelState; isSure: boolean }>
  /** Reads from PostgreSQL, one query per counter type. */
  readFromDatabase(channels: readonly string[]): Promise<Map<string, ChannelState>>
  /** Publishes a value to all nodes, or as soon as Redis is up again; nodes drop it when they have a newer one. Never rejects. */
  publish(channel: string, key: string, value: StateValue): Promise<void>
}

export function createStateStore(app: AppContext, { counters }: Pick<Registry, 'counters'>): StateStore {
  const unpublished = new Map<string, { channel: string; key: string; value: StateValue }>()
  const typesOf = (channel: string) => counters.filter(({ channelKind }) => channelKind === kindOf(channel))
  const readBatched = createBatchLoader(channels => readSure(channels))

  async function readSure(channels: readonly string[]): Promise<Map<string, ChannelState>> {
    const states = new Map(channels.map((channel): [string, ChannelState] => [channel, {}]))
    for (const type of counters) {
      const { channelKind, stateKey } = type
      const ids = channels.filter(channel => kindOf(channel) === channelKind).map(idOf)
      if (ids.length === 0) continue
      for (const [id, value] of await type.read(ids, app))
        Object.assign(states.get(`${channelKind}:${id}`) ?? {}, { [stateKey]: value })
    }
    return states
  }

  async function publish(channel: string, key: string, value: StateValue): Promise<void> {
    const name = `${channel} ${key}`
    try {
      await app.stateCache.set(channel, key, value)
      if (unpublished.get(name)?.value === value) unpublished.delete(name)
    } catch {
      const rev = unpublished.get(name)?.value.rev ?? -1
      if (rev < value.rev && (unpublished.has(name) || unpublished.size < unpublishedMax))
        unpublished.set(name, { channel, key, value })
    }
  }

  app.redis.commands.on('ready', () => {
    for (const { channel, key, value } of [...unpublished.values()]) void publish(channel, key, value)
  })

  return {
    typesOf,
    readFromDatabase: readSure,
    publish,
    async read(channel) {
      const types = typesOf(channel)
      if (types.length === 0) return { state: {}, isSure: true }
      const keys = types.map(({ stateKey }) => stateKey)
      const known = await app.stateCache.get(channel, keys).catch((): ChannelState => ({}))
      if (keys.every(key => key in known)) return { state: known, isSure: false }
      const state = (await readBatched(channel)) ?? {}
      for (const [key, value] of Object.entries(state)) void publish(channel, key, value)
      return { state, isSure: true }
    },
  }
}

const kindOf = (channel: string): string => channel.slice(0, Math.max(channel.indexOf(':'), 0))
const idOf = (channel: string): string => channel.slice(channel.indexOf(':') + 1)
