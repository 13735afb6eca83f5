import { gather } from '../../kernel/gather'
import { type Product } from '../../kernel/product'
import { type StreamState } from '../../kernel/stream'
import { type AnyTallyType } from '../../kernel/tally'
import { type World } from '../../kernel/world'

export type StateValue = StreamState[string]

/** Limit of values that Redis could not take; values beyond it are repaired from PostgreSQL. */
const unpublishedMax = 10_000

/** Reads the counter values of channels, and publishes them to the other nodes. */
export interface Values {
  /** The counter types of a channel; none for most channel types. */
  typesOf(channel: string): readonly AnyTallyType[]
  /** Reads from Redis, or from PostgreSQL when a value is missing there; then `isSure` is true. */
  read(channel: string): Promise<{ state: StreamState; isSure: boolean }>
  /** Reads from PostgreSQL, one query per counter type. */
  readSure(channels: readonly string[]): Promise<Map<string, StreamState>>
  /** Publishes a value to all nodes, or as soon as Redis is up again; nodes drop it when they have a newer one. Never rejects. */
  publish(channel: string, key: string, value: StateValue): Promise<void>
}

export function createValues(world: World, { tallies }: Pick<Product, 'tallies'>): Values {
  const unpublished = new Map<string, { channel: string; key: string; value: StateValue }>()
  const typesOf = (channel: string) => tallies.filter(({ kind }) => kind === kindOf(channel))
  const readBatched = gather(channels => readSure(channels))

  async function readSure(channels: readonly string[]): Promise<Map<string, StreamState>> {
    const states = new Map(channels.map((channel): [string, StreamState] => [channel, {}]))
    for (const type of tallies) {
      const { kind, key } = type
      const ids = channels.filter(channel => kindOf(channel) === kind).map(idOf)
      if (ids.length === 0) continue
      for (const [id, value] of await type.read(ids, world))
        Object.assign(states.get(`${kind}:${id}`) ?? {}, { [key]: value })
    }
    return states
  }

  async function publish(channel: string, key: string, value: StateValue): Promise<void> {
    const name = `${channel} ${key}`
    try {
      await world.stateCache.set(channel, key, value)
      if (unpublished.get(name)?.value === value) unpublished.delete(name)
    } catch {
      const rev = unpublished.get(name)?.value.rev ?? -1
      if (rev < value.rev && (unpublished.has(name) || unpublished.size < unpublishedMax))
        unpublished.set(name, { channel, key, value })
    }
  }

  world.redis.commands.on('ready', () => {
    for (const { channel, key, value } of [...unpublished.values()]) void publish(channel, key, value)
  })

  return {
    typesOf,
    readSure,
    publish,
    async read(channel) {
      const types = typesOf(channel)
      if (types.length === 0) return { state: {}, isSure: true }
      const keys = types.map(({ key }) => key)
      const known = await world.stateCache.get(channel, keys).catch((): StreamState => ({}))
      if (keys.every(key => key in known)) return { state: known, isSure: false }
      const state = (await readBatched(channel)) ?? {}
      for (const [key, value] of Object.entries(state)) void publish(channel, key, value)
      return { state, isSure: true }
    },
  }
}

const kindOf = (channel: string): string => channel.slice(0, Math.max(channel.indexOf(':'), 0))
const idOf = (channel: string): string => channel.slice(channel.indexOf(':') + 1)
