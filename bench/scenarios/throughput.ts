import { median, spreadOf } from '../judge'
import { type TestBench } from '../test-bench'
import { LoadClient } from '../load/load-client'
import { DeliveryCounter } from '../load/delivery-counter'
import { makeTracks } from '../fixtures'
import { measurePairs } from '../measure-pairs'
import { nowUs, type WriteLoad } from '../servers/server'
import { atLeast, type MeasuredFigure, type Scenario } from './scenario'

const writers = 32
const channelCount = 100
const events = 6_000
const rows = 12_000

/** The first two compare the same way of writing, so that only the event differs; the last one includes the cost of the pipeline. */
const comparisons = [
  {
    name: 'durable-events-alike',
    ours: 'events',
    bare: 'rows in transactions',
    rounds: 5,
    about: 'events through the whole pipeline; rows in transactions of the same layer, as the product writes them',
  },
  {
    name: 'log-appends',
    ours: 'appends',
    bare: 'rows',
    rounds: 3,
    about: 'both with single prepared statements of plain pg: the log, the relay and the hub without the pipeline',
  },
  {
    name: 'durable-events',
    ours: 'events',
    bare: 'rows',
    rounds: 3,
    about: 'events through the whole pipeline; single rows with plain pg, without a transaction',
  },
] as const

/** Durable events per second that reach a follower, compared with plain inserts per second. */
export const throughput: Scenario = {
  name: 'throughput',
  figures: [
    {
      name: 'durable-events-alike',
      title: `Durable events per second, ${writers} writers, vs. inserts in transactions`,
      unit: '×',
    },
    {
      name: 'log-appends',
      title: 'Appends to the log with plain pg, vs. inserts with plain pg',
      unit: '×',
    },
    {
      name: 'durable-events',
      title: `Durable events per second, ${writers} writers, vs. inserts with plain pg`,
      unit: '×',
      goal: atLeast(0.4),
    },
  ],

  // PostgreSQL does most of the work: do not let it share a core with the load clients.
  measure: lab => lab.withUnpinnedDatabase(() => measureRates(lab)),
}

async function measureRates(lab: TestBench): Promise<MeasuredFigure[]> {
  const [owner = { id: '', subject: '' }] = lab.people
  await lab.db.query(`create table bench_rows (
    channel text not null, "offset" bigint not null, id uuid not null, name text not null, at timestamptz not null,
    data jsonb not null, logged_at timestamptz not null default now(), primary key (channel, "offset"))`)
  const channels = (await makeTracks(lab.db, owner, channelCount)).map(track => `track:${track}`)
  // Sequelize gets two thirds of the pool: one connection per writer.
  const variables = { DATABASE_POOL_MAX: String(writers * 1.5) }
  const subject = await lab.startServer('tutti', { variables, isUnpinned: true })
  const client = await LoadClient.connect(subject.port, await lab.token(owner))
  for (const channel of channels) await client.callOrThrow('channel.follow', { channel })
  const crowd = new DeliveryCounter([client])
  const write = (as: WriteLoad['as'], count: number) => subject.request('write', { as, channels, writers, count })
  const measured: MeasuredFigure[] = []
  for (const { name, ours, bare, rounds, about } of comparisons) {
    const { pairs, remarks } = await measurePairs({
      rounds,
      ours: () => perSecond(events, () => crowd.expectEvents(events, () => write(ours, events))),
      baseline: () => perSecond(rows, () => write(bare, rows)),
    })
    measured.push({
      name,
      result: spreadOf(pairs.map(pair => pair.ours / pair.baseline)),
      ours: rate(pairs.map(pair => pair.ours)),
      baseline: rate(pairs.map(pair => pair.baseline)),
      remarks: [about, `${channelCount} channels, all events delivered to a follower in time; fsync on`, ...remarks],
    })
  }
  await subject.stop()
  return measured
}

async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const startUs = nowUs()
  await work()
  return count / ((nowUs() - startUs) / 1e6)
}

const rate = (values: readonly number[]) => `${median(values).toFixed(0)} /s`
