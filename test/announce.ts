import { randomUUID } from 'node:crypto'
import { event } from '../kernel/event'
import { count, list, shape, written } from '../kernel/schema'
import { transact } from '../kernel/transact'
import { type World } from '../kernel/world'
import { shardCount } from '../kernel/world/channel-log'
import { product } from '../skills'

/** A test event with a number, on any channels. */
export const counted = event({
  name: 'test.counted',
  summary: 'A number was emitted',
  payload: shape({ channels: list(written, 20), n: count }),
  channels: ({ channels }) => channels,
})

/** Emits an event per number in one transaction, as an operation does. */
export const announce = (
  world: World,
  channels: string | readonly string[],
  numbers: readonly number[],
): Promise<void> =>
  transact({ world, product, actor: null, requestId: randomUUID() }, async ({ emit }) => {
    for (const n of numbers) await emit(counted, { channels: [channels].flat(), n })
  })

/** Assigns offsets to all events emitted so far, for tests that read the log's tables. */
export const settle = ({ db }: Pick<World, 'db'>): Promise<object[]> =>
  db.call('select count(*) from place_events($1, 1000000)', [numbers(0, shardCount)])

/** The data of the events in the log, in transaction order; `where` is an SQL condition. */
export async function logged<D = unknown>(
  world: Pick<World, 'db'>,
  where: string,
  names: Record<string, unknown> = {},
): Promise<D[]> {
  await settle(world)
  const text = `select data from channel_events where ${where} order by logged_at`
  return (await world.db.query<{ data: D }>(text, names)).map(({ data }) => data)
}

/** The whole numbers from `from` to `to` (exclusive). */
export const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)
