import { Client } from 'pg'
import { newId } from '../../kernel/pipeline/new-id'
import { insertInboxStatement, shardCount, shardOf } from '../../kernel/events/channel-log'
import { createWakeUp } from '../../realtime/wake-up'
import { nextPendingEvents, type PendingEvent } from '../../realtime/log/pending-events'
import { startRelay } from '../../realtime/log/relay'
import { runOnDedicatedConnection } from '../../realtime/dedicated-connection'
import { registry } from '../../skills'
import { emitNumbers, numberRange } from '../emit-numbers'
import { type TestKernel, createTestKernel } from '../kernel/test-kernel'
import { waitUntil } from '../kernel/wait-until'
import { startFreezableProxy } from './freezable-proxy'

/** Only the relays that tests start run here: events wait until something assigns their offsets. */
let kernel: TestKernel
beforeEach(async () => {
  kernel = await createTestKernel({ registry })
})
afterEach(() => kernel[Symbol.asyncDispose]())

const shards = numberRange(0, shardCount)
const newChannel = () => `user:${newId(new Date())}`

async function connect(): Promise<AsyncDisposable & { client: Client }> {
  const client = new Client({ connectionString: kernel.url })
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}

/** Other test files use other databases of the same server. */
const inThisDatabase = 'database = (select oid from pg_database where datname = current_database())'
const heldLocks = async () =>
  (
    await kernel.sql(
      `select from pg_locks where locktype = 'advisory' and classid = 7283335 and granted and ${inThisDatabase}`,
    )
  ).length

const findChannel = (shard: number): string => {
  for (;;) {
    const channel = newChannel()
    if (shardOf(channel) === shard) return channel
  }
}

/** The logged events, read without assigning offsets. */
const loggedNumbers = async (channel: string) =>
  (
    await kernel.sql<{ n: number }>(
      `select (data->>'n')::int as n from channel_events where channel = :channel order by "offset"`,
      { channel },
    )
  ).map(({ n }) => n)
const numbersOf = (pending: readonly PendingEvent[]) => pending.map(({ event }) => (event?.data as { n: number }).n)

describe('an emitted event', () => {
  it('has no offset until a reader looks, and then every earlier event has one, for every reader', async () => {
    const [one, other] = [newChannel(), newChannel()]
    await emitNumbers(kernel.app, [one, other], numberRange(0, 7))
    expect([await loggedNumbers(one), await loggedNumbers(other)]).toEqual([[], []])
    expect((await kernel.app.channelLog.position(one)).offset).toBe(7)
    expect(await loggedNumbers(one)).toEqual(numberRange(0, 7))
    // Independent of other channels.
    expect(await loggedNumbers(other)).toEqual([])
    expect((await kernel.app.channelLog.readAfter(other, 3, 100)).events.map(({ offset }) => offset)).toEqual([
      4, 5, 6, 7,
    ])
    expect(await kernel.app.channelLog.latestOffsets([one, other, newChannel()])).toEqual(
      new Map([
        [one, 7],
        [other, 7],
      ]),
    )
  })

  it('is relayed until it is acknowledged, older before newer, whichever process assigned the offsets', async () => {
    await using connection = await connect()
    const readPending = (taken: readonly string[], max = 100) =>
      nextPendingEvents(connection.client, { shards, taken, max })
    const channel = newChannel()
    await emitNumbers(kernel.app, channel, [1, 2])
    const first = await readPending([])
    expect(numbersOf(first)).toEqual([1, 2])
    expect(first.map(({ event }) => event?.offset)).toEqual([1, 2])
    // The relay died before the append to Redis, and a reader assigned the next offset.
    await emitNumbers(kernel.app, channel, [3])
    await kernel.app.channelLog.position(channel)
    await emitNumbers(kernel.app, channel, [4])
    expect(numbersOf(await readPending([], 2))).toEqual([1, 2])
    const all = await readPending([])
    expect(numbersOf(all)).toEqual([1, 2, 3, 4])
    expect(all[0]).toEqual({ ...first[0], ageSeconds: expect.any(Number) as unknown })
    await emitNumbers(kernel.app, channel, [5])
    const [one, ...others] = all.map(({ seq }) => seq)
    expect(numbersOf(await readPending(others))).toEqual([1, 5])
    expect(numbersOf(await readPending([one ?? '', ...(await readPending([])).map(({ seq }) => seq)]))).toEqual([])
    expect(await kernel.sql('select from pending_events')).toEqual([])
  })

  it('is relayed exactly as it is read, whichever process assigned its offset', async () => {
    await using connection = await connect()
    const channel = newChannel()
    await emitNumbers(kernel.app, channel, [1])
    const [direct] = await nextPendingEvents(connection.client, { shards, taken: [], max: 10 })
    const [later] = await nextPendingEvents(connection.client, { shards, taken: [], max: 10 })
    const { epoch, events } = await kernel.app.channelLog.readAfter(channel, 0, 10)
    expect([direct?.event, later?.event]).toEqual([events[0], events[0]])
    expect([direct?.epoch, later?.epoch]).toEqual([epoch, epoch])
  })

  it('gets its offset although the relay that holds its shard is frozen', async () => {
    await using other = await connect()
    for (const shard of shards) await other.client.query('select pg_advisory_lock(7283333, $1)', [shard])
    await using relay = startRelay(kernel.app, registry)
    const channel = newChannel()
    await emitNumbers(kernel.app, channel, [1, 2])
    await waitUntil(async () => (await loggedNumbers(channel)).length === 2)
    expect(relay.shards).toEqual([])
    // For the relay that holds the shard.
    expect(await kernel.sql('select from pending_events')).toHaveLength(2)
  })

  it('does not wait for a relay that freezes before it reads the result of its assignment', async () => {
    const channel = newChannel()
    const largeEvent = { name: 'a.b', at: new Date().toISOString(), data: JSON.stringify('x'.repeat(50_000)) }
    const entries = numberRange(0, 400).map(() => ({
      ...largeEvent,
      shard: shardOf(channel),
      channel,
      id: newId(new Date()),
    }))
    await kernel.app.db.transaction(() => kernel.app.db.commitWith(insertInboxStatement(entries)))
    await using wire = await startFreezableProxy(kernel.url)
    const closing = new AbortController()
    const app = { ...kernel.app, db: { ...kernel.app.db, url: wire.url } }
    const frozenRelay = runOnDedicatedConnection(
      app,
      { name: 'frozen', wakeUp: createWakeUp(), closing: closing.signal },
      async connection => {
        wire.freeze()
        closing.abort()
        await nextPendingEvents(connection, { shards, taken: [], max: 500 })
      },
    )
    await waitUntil(async () => (await heldLocks()) > 0)
    await emitNumbers(kernel.app, channel, [1])
    await waitUntil(async () => (await kernel.app.channelLog.position(channel).catch(() => undefined))?.offset === 401)
    await frozenRelay
  })

  it('gets its offset from a process without a relay, which waits for no lock', async () => {
    await using other = await connect()
    const [one, two] = [0, 1].map(shard => findChannel(shard))
    await emitNumbers(kernel.app, [one ?? '', two ?? ''], [1])
    await other.client.query('begin')
    await other.client.query('select lock_shards(array[0::smallint])')
    await kernel.app.channelLog.assignOverdueOffsets(60_000)
    expect([await loggedNumbers(one ?? ''), await loggedNumbers(two ?? '')]).toEqual([[], []])
    expect(await kernel.app.channelLog.assignOverdueOffsets(0)).toBe(1)
    expect([await loggedNumbers(one ?? ''), await loggedNumbers(two ?? '')]).toEqual([[], [1]])
    await other.client.query('commit')
    expect(await kernel.app.channelLog.assignOverdueOffsets(0)).toBe(1)
    expect(await kernel.app.channelLog.assignOverdueOffsets(0)).toBe(0)
    expect(await loggedNumbers(one ?? '')).toEqual([1])
  })
})
