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
let own: TestKernel
beforeEach(async () => {
  own = await createTestKernel({ registry })
})
afterEach(() => own[Symbol.asyncDispose]())

const shards = numberRange(0, shardCount)
const someChannel = () => `user:${newId(new Date())}`

async function session(): Promise<AsyncDisposable & { client: Client }> {
  const client = new Client({ connectionString: own.url })
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}

/** Other test files use other databases of the same server. */
const ofOurs = 'database = (select oid from pg_database where datname = current_database())'
const heldLocks = async () =>
  (await own.sql(`select from pg_locks where locktype = 'advisory' and classid = 7283335 and granted and ${ofOurs}`))
    .length

const findChannel = (shard: number): string => {
  for (;;) {
    const channel = someChannel()
    if (shardOf(channel) === shard) return channel
  }
}

/** The logged events, read without assigning offsets. */
const placed = async (channel: string) =>
  (
    await own.sql<{ n: number }>(
      `select (data->>'n')::int as n from channel_events where channel = :channel order by "offset"`,
      { channel },
    )
  ).map(({ n }) => n)
const told = (pending: readonly PendingEvent[]) => pending.map(({ event }) => (event?.data as { n: number }).n)

describe('an emitted event', () => {
  it('has no offset until a reader looks, and then every earlier event has one, for every reader', async () => {
    const [one, other] = [someChannel(), someChannel()]
    await emitNumbers(own.app, [one, other], numberRange(0, 7))
    expect([await placed(one), await placed(other)]).toEqual([[], []])
    expect((await own.app.channelLog.position(one)).offset).toBe(7)
    expect(await placed(one)).toEqual(numberRange(0, 7))
    // Independent of other channels.
    expect(await placed(other)).toEqual([])
    expect((await own.app.channelLog.readAfter(other, 3, 100)).events.map(({ offset }) => offset)).toEqual([4, 5, 6, 7])
    expect(await own.app.channelLog.latestOffsets([one, other, someChannel()])).toEqual(
      new Map([
        [one, 7],
        [other, 7],
      ]),
    )
  })

  it('is relayed until it is acknowledged, older before newer, whoever assigned the offsets', async () => {
    await using seat = await session()
    const look = (taken: readonly string[], max = 100) => nextPendingEvents(seat.client, { shards, taken, max })
    const channel = someChannel()
    await emitNumbers(own.app, channel, [1, 2])
    const first = await look([])
    expect(told(first)).toEqual([1, 2])
    expect(first.map(({ event }) => event?.offset)).toEqual([1, 2])
    // The relay died before the append to Redis, and a reader assigned the next offset.
    await emitNumbers(own.app, channel, [3])
    await own.app.channelLog.position(channel)
    await emitNumbers(own.app, channel, [4])
    expect(told(await look([], 2))).toEqual([1, 2])
    const all = await look([])
    expect(told(all)).toEqual([1, 2, 3, 4])
    expect(all[0]).toEqual({ ...first[0], ageSeconds: expect.any(Number) as unknown })
    await emitNumbers(own.app, channel, [5])
    const [one, ...others] = all.map(({ seq }) => seq)
    expect(told(await look(others))).toEqual([1, 5])
    expect(told(await look([one ?? '', ...(await look([])).map(({ seq }) => seq)]))).toEqual([])
    expect(await own.sql('select from pending_events')).toEqual([])
  })

  it('is relayed exactly as it is read, whoever assigned its offset', async () => {
    await using seat = await session()
    const channel = someChannel()
    await emitNumbers(own.app, channel, [1])
    const [direct] = await nextPendingEvents(seat.client, { shards, taken: [], max: 10 })
    const [later] = await nextPendingEvents(seat.client, { shards, taken: [], max: 10 })
    const { epoch, events } = await own.app.channelLog.readAfter(channel, 0, 10)
    expect([direct?.event, later?.event]).toEqual([events[0], events[0]])
    expect([direct?.epoch, later?.epoch]).toEqual([epoch, epoch])
  })

  it('gets its offset although the relay that holds its shard is frozen', async () => {
    await using other = await session()
    for (const shard of shards) await other.client.query('select pg_advisory_lock(7283333, $1)', [shard])
    await using relay = startRelay(own.app, registry)
    const channel = someChannel()
    await emitNumbers(own.app, channel, [1, 2])
    await waitUntil(async () => (await placed(channel)).length === 2)
    expect(relay.shards).toEqual([])
    // For the relay that holds the shard.
    expect(await own.sql('select from pending_events')).toHaveLength(2)
  })

  it('does not wait for a relay that freezes before it reads the result of its assignment', async () => {
    const channel = someChannel()
    const much = { name: 'a.b', at: new Date().toISOString(), data: JSON.stringify('x'.repeat(50_000)) }
    const said = numberRange(0, 400).map(() => ({ ...much, shard: shardOf(channel), channel, id: newId(new Date()) }))
    await own.app.db.transaction(() => own.app.db.commitWith(insertInboxStatement(said)))
    await using wire = await startFreezableProxy(own.url)
    const closing = new AbortController()
    const app = { ...own.app, db: { ...own.app.db, url: wire.url } }
    const seats = runOnDedicatedConnection(
      app,
      { name: 'frozen', wakeUp: createWakeUp(), closing: closing.signal },
      async seat => {
        wire.freeze()
        closing.abort()
        await nextPendingEvents(seat, { shards, taken: [], max: 500 })
      },
    )
    await waitUntil(async () => (await heldLocks()) > 0)
    await emitNumbers(own.app, channel, [1])
    await waitUntil(async () => (await own.app.channelLog.position(channel).catch(() => undefined))?.offset === 401)
    await seats
  })

  it('gets its offset from a process without a relay, which waits for no lock', async () => {
    await using other = await session()
    const [one, two] = [0, 1].map(shard => findChannel(shard))
    await emitNumbers(own.app, [one ?? '', two ?? ''], [1])
    await other.client.query('begin')
    await other.client.query('select lock_shards(array[0::smallint])')
    await own.app.channelLog.assignOverdueOffsets(60_000)
    expect([await placed(one ?? ''), await placed(two ?? '')]).toEqual([[], []])
    expect(await own.app.channelLog.assignOverdueOffsets(0)).toBe(1)
    expect([await placed(one ?? ''), await placed(two ?? '')]).toEqual([[], [1]])
    await other.client.query('commit')
    expect(await own.app.channelLog.assignOverdueOffsets(0)).toBe(1)
    expect(await own.app.channelLog.assignOverdueOffsets(0)).toBe(0)
    expect(await placed(one ?? '')).toEqual([1])
  })
})
