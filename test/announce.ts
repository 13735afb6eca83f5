import { randomUUID } from 'node:crypto'
import { event } from '../kernel/event'
import { count, list, shape, written } from '../kernel/schema'
import { transact } from '../kernel/transact'
import { type World } from '../kernel/world'
import { shardCount } from '../kernel/world/channel-log'
import { product } from '../skills'

/** An event that says nothing but its number, on whatever channels. */
export const counted = event({
  name: 'test.counted',
  summary: 'Something was counted.',
  payload: shape({ channels: list(written, 20), n: count }),
  channels: ({ channels }) => channels,
})

/** Announces the numbers in one transaction, as an operation would. */
export const announce = (
  world: World,
  channels: string | readonly string[],
  numbers: readonly number[],
): Promise<void> =>
  transact({ world, product, actor: null, requestId: randomUUID() }, async ({ emit }) => {
    for (const n of numbers) await emit(counted, { channels: [channels].flat(), n })
  })

/** Gives all that was said until now its place in the log: for those who look into its tables themselves. */
export const settle = ({ db }: Pick<World, 'db'>): Promise<object[]> =>
  db.call('select count(*) from place_events($1, 1000000)', [numbers(0, shardCount)])

/** What the events of the whole log carry, in the order of their transactions; `where` is SQL. */
export async function logged<D = unknown>(
  world: Pick<World, 'db'>,
  where: string,
  names: Record<string, unknown> = {},
): Promise<D[]> {
  await settle(world)
  const text = `select data from channel_events where ${where} order by logged_at`
  return (await world.db.query<{ data: D }>(text, names)).map(({ data }) => data)
}

/** `from` up to, and not with, `to`. */
export const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)
