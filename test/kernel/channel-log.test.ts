import { Client } from 'pg'
import { createChannelLog } from '../../kernel/world/channel-log'
import { announce, numbers } from '../announce'
import { freshWorld, type TestWorld } from '../world'
import { until } from './until'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld({ nodes: 1 })
})
afterAll(() => world[Symbol.asyncDispose]())

const log = () => world.world.channels
const channelsBy = (prefix: string, count: number) => numbers(0, count).map(n => `${prefix}:${n}`)
const sql = async <R extends object>(text: string, values: unknown[] = []): Promise<R[]> => {
  const client = new Client({ connectionString: world.variables.DATABASE_URL })
  await client.connect()
  try {
    return (await client.query<R>(text, values)).rows
  } finally {
    await client.end()
  }
}

describe('offsets', () => {
  it('have no gaps and no repeats, whoever appends to whichever channels in whichever order at once', async () => {
    const channels = channelsBy('many', 6)
    const writers = numbers(0, 60).map(n => {
      const some = channels.filter((_channel, index) => (n * 7 + index * 3) % 4 < 2)
      return announce(world.world, n % 2 === 0 ? some : some.toReversed(), [n])
    })
    await Promise.all(writers)
    for (const channel of channels) {
      const { top, events } = await log().after(channel, 0, 1_000)
      expect(events.map(({ offset }) => offset)).toEqual(numbers(1, top + 1))
      expect(new Set(events.map(({ id }) => id)).size).toBe(top)
    }
  })

  it('are raised in one order, so that none of those who append waits for another in a circle, by the release before either', async () => {
    const channels = channelsBy('circle', 5)
    const { db } = world.world
    const eventOf = (n: number) => ({
      id: `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`,
      name: 'a.b',
      at: '2026-11-23T12:00:00.000Z',
      channels: n % 2 === 0 ? channels : channels.toReversed(),
      data: { n },
    })
    // Without the retries of the pipeline, which would hide it.
    const append = (n: number) =>
      n % 3 === 0
        ? sql('select append_to_channels($1)', [JSON.stringify([eventOf(n)])])
        : db.transaction(() => log().append([eventOf(n), eventOf(1_000 + n)]))
    await Promise.all(numbers(0, 45).map(append))
    for (const channel of channels) {
      const { events } = await log().after(channel, 0, 1_000)
      expect(events.map(({ offset }) => offset)).toEqual(numbers(1, 15 + 2 * 30 + 1))
    }
    const [known] = (await log().after('circle:0', 0, 1)).events
    expect(known).toMatchObject({ name: 'a.b', at: '2026-11-23T12:00:00.000Z' })
  })

  it('count an event once for a channel that it names twice', async () => {
    await announce(world.world, ['twice:1', 'twice:1'], [7])
    expect((await log().after('twice:1', 0, 10)).events.map(({ data }) => data)).toEqual([
      expect.objectContaining({ n: 7 }),
    ])
  })

  it('follow the commits: nobody can see a later one without all before it', async () => {
    const slow = new Client({ connectionString: world.variables.DATABASE_URL })
    await slow.connect()
    const append = 'select append_events($1, $2, $3, $4, $5)'
    const event = (n: number) => [
      ['slow:1'],
      [`00000000-0000-7000-8000-00000000000${n}`],
      ['a.b'],
      [new Date()],
      [JSON.stringify({ n })],
    ]
    await slow.query('begin')
    await slow.query(append, event(1))
    const second = sql(append, event(2))
    await until(
      async () =>
        (await sql(`select from pg_stat_activity where wait_event = 'transactionid' and datname = current_database()`))
          .length > 0,
    )
    expect((await log().after('slow:1', 0, 10)).events).toEqual([])
    // Other channels do not wait for it.
    await announce(world.world, 'quick:1', [1])
    expect((await log().after('quick:1', 0, 10)).top).toBe(1)
    await slow.query('commit')
    await second
    await slow.end()
    expect((await log().after('slow:1', 0, 10)).events.map(({ data }) => data)).toEqual([{ n: 1 }, { n: 2 }])
  })

  it('of what was rolled back are given again', async () => {
    await announce(world.world, 'back:1', [1])
    await expect(announce(world.world, 'back:1', [2, -1])).rejects.toThrow()
    await announce(world.world, 'back:1', [3])
    expect(
      (await log().after('back:1', 0, 10)).events.map(({ offset, data }) => [offset, (data as { n: number }).n]),
    ).toEqual([
      [1, 1],
      [2, 3],
    ])
  })
})

it('a part of the log is one moment of it, at most as much as asked for', async () => {
  await announce(world.world, 'part:1', numbers(0, 10))
  const { top, events, epoch } = await log().after('part:1', 4, 3)
  expect({ top, offsets: events.map(({ offset }) => offset) }).toEqual({ top: 10, offsets: [5, 6, 7] })
  expect(await log().position('part:1')).toEqual({ epoch, offset: 10 })
  expect(await log().position('nobody:1')).toEqual({ epoch, offset: 0 })
  expect(await log().tops(['part:1', 'nobody:1'])).toEqual(new Map([['part:1', 10]]))
})

it('the epoch changes when an operator says that the disks were restored', async () => {
  const fresh = () => createChannelLog(world.world.db, world.world.redis, () => world.clock.now()).epoch()
  const before = await fresh()
  await sql('update log_generation set generation = generation + 1')
  expect(await fresh()).not.toBe(before)
  await sql('update log_generation set generation = generation - 1')
  expect(await fresh()).toBe(before)
})

describe('the partitions', () => {
  // The database may have been made yesterday.
  beforeAll(() => log().keep(7))

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

  it('are there for today and the days to come, and made by several at once', async () => {
    await sql(`drop table channel_events_${await day(2)}`)
    await Promise.all(numbers(0, 4).map(() => log().keep(7)))
    for (const ahead of [0, 1, 2]) expect(await partitions()).toContain(`channel_events_${await day(ahead)}`)
  })

  it('that are too old are dropped, with what lies in the rest', async () => {
    const old = await day(-9)
    await sql(
      `create table channel_events_${old} partition of channel_events for values from ('${old}') to ('${await day(-8)}')`,
    )
    await sql(
      `insert into channel_events (channel, "offset", id, name, at, data, logged_on) values ('old:1', 1, gen_random_uuid(), 'a.b', now(), '{}', current_date - 20)`,
    )
    await log().keep(7)
    expect(await partitions()).not.toContain(`channel_events_${old}`)
    expect(await sql(`select from channel_events where channel = 'old:1'`)).toEqual([])
  })

  it('may be missing: what is logged then is kept all the same, and found', async () => {
    await sql(`drop table channel_events_${await day(0)}`)
    await announce(world.world, 'rest:1', numbers(0, 3))
    expect((await log().after('rest:1', 0, 10)).events).toHaveLength(3)
    await log().keep(7)
    expect((await log().after('rest:1', 0, 10)).events).toHaveLength(3)
  })
})
