import { median, spreadOf } from '../judge'
import { type Lab } from '../lab'
import { LoadClient } from '../load/client'
import { Crowd } from '../load/crowd'
import { makeTracks } from '../people'
import { inPairs } from '../rounds'
import { nowUs, type Writing } from '../subjects/subject'
import { atLeast, type Measured, type Scenario } from './scenario'

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
  promises: [
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
  measure: lab => lab.spreadOut(() => measureRates(lab)),
}

async function measureRates(lab: Lab): Promise<Measured[]> {
  const [owner = { id: '', subject: '' }] = lab.people
  await lab.db.query(`create table bench_rows (
    channel text not null, "offset" bigint not null, id uuid not null, name text not null, at timestamptz not null,
    data jsonb not null, logged_at timestamptz not null default now(), primary key (channel, "offset"))`)
  const channels = (await makeTracks(lab.db, owner, channelCount)).map(track => `track:${track}`)
  // Sequelize gets two thirds of the pool: one connection per writer.
  const variables = { DATABASE_POOL_MAX: String(writers * 1.5) }
  const subject = await lab.start('tutti', { variables, isFree: true })
  const client = await LoadClient.connect(subject.port, await lab.token(owner))
  for (const channel of channels) await client.ask('channel.follow', { channel })
  const crowd = new Crowd([client])
  const write = (as: Writing['as'], count: number) => subject.ask('write', { as, channels, writers, count })
  const measured: Measured[] = []
  for (const { name, ours, bare, rounds, about } of comparisons) {
    const { pairs, remarks } = await inPairs({
      rounds,
      ours: () => perSecond(events, () => crowd.hearing(events, () => write(ours, events))),
      baseline: () => perSecond(rows, () => write(bare, rows)),
    })
    measured.push({
      name,
      figure: spreadOf(pairs.map(pair => pair.ours / pair.baseline)),
      ours: rate(pairs.map(pair => pair.ours)),
      baseline: rate(pairs.map(pair => pair.baseline)),
      remarks: [about, `${channelCount} channels, all events delivered to a follower in time; fsync on`, ...remarks],
    })
  }
  await subject.end()
  return measured
}

async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const startUs = nowUs()
  await work()
  return count / ((nowUs() - startUs) / 1e6)
}

const rate = (values: readonly number[]) => `${median(values).toFixed(0)} /s`
