import { randomUUID } from 'node:crypto'
import { event } from '../kernel/events/event'
import { count, list, shape, outputText } from '../kernel/pipeline/schema'
import { transact } from '../kernel/pipeline/transact'
import { type AppContext } from '../kernel/platform/app-context'
import { shardCount } from '../kernel/events/channel-log'
import { registry } from '../skills'

/** A test event with a number, on any channels. */
export const numberEmitted = event({
  name: 'test.numberEmitted',
  summary: 'A number was emitted',
  payload: shape({ channels: list(outputText, 20), n: count }),
  channels: ({ channels }) => channels,
})

/** What the skills declare, and the test event. */
const withNumbers = { ...registry, events: [...registry.events, numberEmitted] }

/** Emits an event per number in one transaction, as an operation does. */
export const emitNumbers = (
  app: AppContext,
  channels: string | readonly string[],
  numbers: readonly number[],
): Promise<void> =>
  transact({ app, registry: withNumbers, actor: null, requestId: randomUUID() }, async ({ emit }) => {
    for (const n of numbers) await emit(numberEmitted, { channels: [channels].flat(), n })
  })

/** Assigns offsets to all events emitted so far, for tests that read the log's tables. */
export const assignOffsets = ({ db }: Pick<AppContext, 'db'>): Promise<object[]> =>
  db.queryBound('select count(*) from assign_offsets($1, 1000000)', [numberRange(0, shardCount)])

/** The data of the events in the log, in transaction order; `where` is an SQL condition. */
export async function readLoggedData<D = unknown>(
  app: Pick<AppContext, 'db'>,
  where: string,
  names: Record<string, unknown> = {},
): Promise<D[]> {
  await assignOffsets(app)
  const text = `select data from channel_events where ${where} order by logged_at`
  return (await app.db.query<{ data: D }>(text, names)).map(({ data }) => data)
}

/** The whole numbers from `from` to `to` (exclusive). */
export const numberRange = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)
