import { gather } from '../../kernel/gather'
import { type Product } from '../../kernel/product'
import { type StreamState } from '../../kernel/stream'
import { type AnyTallyType } from '../../kernel/tally'
import { type World } from '../../kernel/world'

export type StateValue = StreamState[string]

/** What Redis has not taken yet; of more than so many channels PostgreSQL reminds us. */
const owedMax = 10_000

/** Where the values of channels come from, and how they reach the other nodes. */
export interface Values {
  /** What this channel has values of: none for most kinds. */
  typesOf(channel: string): readonly AnyTallyType[]
  /** From Redis, or from PostgreSQL if something is missing there. `isSure` when it is what PostgreSQL says. */
  read(channel: string): Promise<{ state: StreamState; isSure: boolean }>
  /** What PostgreSQL says, one query for each kind of value. */
  readSure(channels: readonly string[]): Promise<Map<string, StreamState>>
  /** Tells all nodes, as soon as Redis is there, unless they know a newer value. Never rejects. */
  publish(channel: string, key: string, value: StateValue): Promise<void>
}

export function createValues(world: World, { tallies }: Pick<Product, 'tallies'>): Values {
  const owed = new Map<string, { channel: string; key: string; value: StateValue }>()
  const typesOf = (channel: string) => tallies.filter(({ kind }) => kind === kindOf(channel))
  const readTogether = gather(channels => readSure(channels))

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
      if (owed.get(name)?.value === value) owed.delete(name)
    } catch {
      const rev = owed.get(name)?.value.rev ?? -1
      if (rev < value.rev && (owed.has(name) || owed.size < owedMax)) owed.set(name, { channel, key, value })
    }
  }

  world.redis.commands.on('ready', () => {
    for (const { channel, key, value } of [...owed.values()]) void publish(channel, key, value)
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
      const state = (await readTogether(channel)) ?? {}
      for (const [key, value] of Object.entries(state)) void publish(channel, key, value)
      return { state, isSure: true }
    },
  }
}

const kindOf = (channel: string): string => channel.slice(0, Math.max(channel.indexOf(':'), 0))
const idOf = (channel: string): string => channel.slice(channel.indexOf(':') + 1)
