import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { newId } from '../../kernel/pipeline/new-id'
import {
  insertInboxStatement,
  createChannelLog,
  type InboxEntry,
  shardCount,
  shardOf,
} from '../../kernel/events/channel-log'
import { emitNumbers, numberRange } from '../emit-numbers'
import { createTestApp, type TestApp } from '../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const log = () => testApp.app.channelLog
const channelsBy = (prefix: string, count: number) => numberRange(0, count).map(n => `${prefix}:${n}`)
const sql = async <R extends object>(text: string, values: unknown[] = []): Promise<R[]> => {
  await using one = await connect()
  return (await one.client.query<R>(text, values)).rows
}

type Connection = AsyncDisposable & { client: Client }

async function connect(): Promise<Connection> {
  const client = new Client({ connectionString: testApp.variables.DATABASE_URL })
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}

const inboxEntry = (channel: string, n: number): InboxEntry => ({
  ...{ shard: shardOf(channel), channel, id: newId(new Date()), name: 'a.b', at: new Date().toISOString() },
  data: JSON.stringify({ n }),
})

const numbersOf = async (channel: string) =>
  (await log().readAfter(channel, 0, 1_000)).events.map(({ data }) => (data as { n: number }).n)

describe('offsets', () => {
  it('have no gaps or repeats under concurrent appends to any channels in any order', async () => {
    const channels = channelsBy('many', 6)
    const writers = numberRange(0, 60).map(n => {
      const some = channels.filter((_channel, index) => (n * 7 + index * 3) % 4 < 2)
      return emitNumbers(testApp.app, n % 2 === 0 ? some : some.toReversed(), [n])
    })
    await Promise.all(writers)
    for (const channel of channels) {
      const { latestOffset, events } = await log().readAfter(channel, 0, 1_000)
      expect(events.map(({ offset }) => offset)).toEqual(numberRange(1, latestOffset + 1))
      expect(new Set(events.map(({ id }) => id)).size).toBe(latestOffset)
    }
  })

  it('are assigned to channels in opposite orders concurrently, without a deadlock', async () => {
    const channels = channelsBy('circle', 5)
    const { db } = testApp.app
    const eventOf = (n: number) => ({
      id: `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`,
      name: 'a.b',
      at: '2026-11-23T12:00:00.000Z',
      channels: n % 2 === 0 ? channels : channels.toReversed(),
      data: { n },
    })
    // Without the pipeline's retries, which would hide a deadlock.
    const append = (n: number) => db.transaction(() => log().append([eventOf(n), eventOf(1_000 + n)]))
    await Promise.all(numberRange(0, 45).map(append))
    for (const channel of channels) {
      const { events } = await log().readAfter(channel, 0, 1_000)
      expect(events.map(({ offset }) => offset)).toEqual(numberRange(1, 2 * 45 + 1))
    }
    const [known] = (await log().readAfter('circle:0', 0, 1)).events
    expect(known).toMatchObject({ name: 'a.b', at: '2026-11-23T12:00:00.000Z' })
  })

  it('count an event once for a channel that it names twice', async () => {
    await emitNumbers(testApp.app, ['twice:1', 'twice:1'], [7])
    expect((await log().readAfter('twice:1', 0, 10)).events.map(({ data }) => data)).toEqual([
      expect.objectContaining({ n: 7 }),
    ])
  })

  it('follow the commit order: an open transaction blocks no other, and comes after earlier commits', async () => {
    await using slow = await connect()
    await slow.client.query('begin')
    await slow.client.query(insertInboxStatement([inboxEntry('slow:1', 1)]))
    await emitNumbers(testApp.app, 'slow:1', [2])
    expect(await numbersOf('slow:1')).toEqual([2])
    await slow.client.query('commit')
    expect(await numbersOf('slow:1')).toEqual([2, 1])
  })

  it('follow the commit order: an event committed before another one began precedes it, whichever process assigns offsets', async () => {
    const channels = channelsBy('order', 3)
    const connections = await Promise.all(numberRange(0, 11).map(connect))
    const [writers, assigners] = [connections.slice(0, 8), connections.slice(8)]
    let now = 0
    let remaining = writers.length
    const spans = new Map<number, { began: number; ended: number }>()
    const write = async ({ client }: Connection, writer: number) => {
      for (const turn of numberRange(0, 40)) {
        const n = 1_000 * writer + turn
        const began = (now += 1)
        await client.query('begin')
        await client.query(insertInboxStatement([inboxEntry(channels[n % channels.length] ?? '', n)]))
        if (turn % 7 === 0) await pause(turn % 5)
        await client.query('commit')
        spans.set(n, { began, ended: (now += 1) })
      }
      remaining -= 1
    }
    // Small batches of all or some shards, so that assignments overlap.
    const assign = async ({ client }: Connection, assigner: number) => {
      const shards = assigner === 0 ? numberRange(0, shardCount) : channels.map(shardOf)
      while (remaining > 0) await client.query('select from assign_offsets($1, $2)', [shards, 2 + assigner])
    }
    const read = async () => {
      while (remaining > 0) await log().latestOffsets(channels)
    }
    await Promise.all([...writers.map(write), ...assigners.map(assign), read()])
    let found = 0
    for (const channel of channels) {
      let latest = 0
      for (const n of await numbersOf(channel)) {
        const { began, ended } = spans.get(n) ?? { began: NaN, ended: NaN }
        // No event that began after this one had ended may precede it.
        expect(latest).toBeLessThan(ended)
        latest = Math.max(latest, began)
        found += 1
      }
    }
    expect(found).toBe(8 * 40)
    for (const one of connections) await one[Symbol.asyncDispose]()
  })

  it('of rolled back events are reused', async () => {
    await emitNumbers(testApp.app, 'back:1', [1])
    await expect(emitNumbers(testApp.app, 'back:1', [2, -1])).rejects.toThrow()
    await emitNumbers(testApp.app, 'back:1', [3])
    expect(
      (await log().readAfter('back:1', 0, 10)).events.map(({ offset, data }) => [offset, (data as { n: number }).n]),
    ).toEqual([
      [1, 1],
      [2, 3],
    ])
  })
})

it('reads a consistent part of the log, at most as large as requested', async () => {
  await emitNumbers(testApp.app, 'part:1', numberRange(0, 10))
  const { latestOffset, events, epoch } = await log().readAfter('part:1', 4, 3)
  expect({ top: latestOffset, offsets: events.map(({ offset }) => offset) }).toEqual({ top: 10, offsets: [5, 6, 7] })
  expect(await log().position('part:1')).toEqual({ epoch, offset: 10 })
  expect(await log().position('nobody:1')).toEqual({ epoch, offset: 0 })
  expect(await log().latestOffsets(['part:1', 'nobody:1'])).toEqual(new Map([['part:1', 10]]))
})

it('changes the epoch when an operator increases the log generation after a restore', async () => {
  const readEpoch = () => createChannelLog(testApp.app.db, testApp.app.redis, () => testApp.clock.now()).epoch()
  const before = await readEpoch()
  await sql('update channel_log_generation set generation = generation + 1')
  expect(await readEpoch()).not.toBe(before)
  await sql('update channel_log_generation set generation = generation - 1')
  expect(await readEpoch()).toBe(before)
})

describe('partitions', () => {
  // The test database may have been created yesterday.
  beforeAll(() => log().maintainPartitions(7))

  const partitions = async () =>
    (
      await sql<{ name: string }>(
        `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'channel_events'::regclass order by 1`,
      )
    ).map(({ name }) => name)
  const day = async (ahead: number) =>
    (
      await sql<{ day: string }>(`select to_char((now() at time zone 'utc')::date + $1::int, 'YYYYMMDD') as day`, [
        ahead,
      ])
    )[0]?.day ?? ''

  it('exist for today and the next days, also after concurrent maintenance', async () => {
    await sql(`drop table channel_events_${await day(2)}`)
    await Promise.all(numberRange(0, 4).map(() => log().maintainPartitions(7)))
    for (const ahead of [0, 1, 2]) expect(await partitions()).toContain(`channel_events_${await day(ahead)}`)
  })

  it('that are too old are dropped, and old rows of the default partition deleted', async () => {
    const old = await day(-9)
    await sql(
      `create table channel_events_${old} partition of channel_events for values from ('${old}') to ('${await day(-8)}')`,
    )
    await sql(
      `insert into channel_events (channel, "offset", id, name, at, data, logged_on) values ('old:1', 1, gen_random_uuid(), 'a.b', now(), '{}', current_date - 20)`,
    )
    await log().maintainPartitions(7)
    expect(await partitions()).not.toContain(`channel_events_${old}`)
    expect(await sql(`select from channel_events where channel = 'old:1'`)).toEqual([])
  })

  it('may be missing: events are stored in the default partition, and found', async () => {
    await sql(`drop table channel_events_${await day(0)}`)
    await emitNumbers(testApp.app, 'rest:1', numberRange(0, 3))
    expect((await log().readAfter('rest:1', 0, 10)).events).toHaveLength(3)
    await log().maintainPartitions(7)
    expect((await log().readAfter('rest:1', 0, 10)).events).toHaveLength(3)
  })
})
