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

/** Each side writes in the same way, so that what differs is the event; the last says what the way costs besides. */
const comparisons = [
  {
    name: 'durable-events-alike',
    ours: 'events',
    bare: 'rows in transactions',
    rounds: 5,
    about: 'events by the whole pipeline; a row in a transaction of the same layer, as all that the product writes',
  },
  {
    name: 'log-appends',
    ours: 'appends',
    bare: 'rows',
    rounds: 3,
    about: 'both by single statements of plain pg, prepared: the log, the relay and the hub without the pipeline',
  },
  {
    name: 'durable-events',
    ours: 'events',
    bare: 'rows',
    rounds: 3,
    about: 'events by the whole pipeline; single rows by plain pg, without a transaction: what the pipeline costs too',
  },
] as const

/** How many events a second become durable and reach a follower, next to as many plain rows as PostgreSQL will take. */
export const throughput: Scenario = {
  name: 'throughput',
  promises: [
    {
      name: 'durable-events-alike',
      title: `Durable events per second, ${writers} writers, against plain inserts in transactions`,
      unit: '×',
    },
    {
      name: 'log-appends',
      title: 'Appends to the log by plain pg, against plain inserts by plain pg',
      unit: '×',
    },
    {
      name: 'durable-events',
      title: `Durable events per second, ${writers} writers, against plain inserts by plain pg`,
      unit: '×',
      goal: atLeast(0.4),
    },
  ],

  // A rate is what the whole machine can do: PostgreSQL, which does most of it, must not have to share a core.
  measure: lab => lab.spreadOut(() => measureRates(lab)),
}

async function measureRates(lab: Lab): Promise<Measured[]> {
  const [owner = { id: '', subject: '' }] = lab.people
  await lab.db.query(`create table bench_rows (
    channel text not null, "offset" bigint not null, id uuid not null, name text not null, at timestamptz not null,
    data jsonb not null, logged_at timestamptz not null default now(), primary key (channel, "offset"))`)
  const channels = (await makeTracks(lab.db, owner, channelCount)).map(track => `track:${track}`)
  // Of two thirds of the pool Sequelize makes its transactions: one connection for each writer.
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
      remarks: [about, `${channelCount} channels, all delivered to a follower within the time; fsync on`, ...remarks],
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
