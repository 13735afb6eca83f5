import { setTimeout as pause } from 'node:timers/promises'
import { median, spreadOf } from '../judge'
import { type TestBench } from '../test-bench'
import { mapConcurrently, LoadClient } from '../load/load-client'
import { type Person } from '../fixtures'
import { measurePairs, type PairedResult, InvalidMeasurement } from '../measure-pairs'
import { type RunningServer } from '../start-server'
import { followAll, makeChannels, type Position } from './channels'
import { atMost, type MeasuredFigure, type Scenario } from './scenario'

const clientCount = 600
/** Observed: the cost falls until about 3,000 clients have connected, for the bare server too. */
const warmings = 6
const atOnce = 40
/** Missed events per shared channel when a client reconnects. */
const missed = 1
const eventsBefore = 5

/** CPU per reconnecting client: connection, token, access checks and catch-up on five channels. */
export const connect: Scenario = {
  name: 'connect',
  figures: [
    {
      name: 'connect-and-resume',
      title: 'CPU per client: connect, verify RS256, resume five channels; vs. jose and one query per room',
      unit: '×',
      goal: atMost(2),
    },
    {
      name: 'connect-and-resume-bare',
      title: 'CPU per client: connect, verify RS256, resume five channels; vs. a bare connect',
      unit: '×',
      goal: atMost(3.5),
    },
    {
      name: 'connect-and-verify',
      title: 'CPU per client: connect and verify RS256 only, vs. a bare connect',
      unit: '×',
    },
  ],

  async measure(lab) {
    const people = lab.people.slice(0, clientCount)
    const [ours, bare, raw] = [
      await lab.startServer('tutti'),
      await lab.startServer('bare'),
      await lab.startServer('raw'),
    ]
    const usual = await lab.startServer('usual')
    const { resume, join } = await prepare(lab, ours, people)
    const floor = () => costOf(raw, people, () => LoadClient.connectRaw(raw.port))
    const bareCost = () => costOf(bare, people, () => LoadClient.connect(bare.port))
    const resumed = await measurePairs<Costs>({
      ...{ rounds: 6, warmupRounds: warmings, floor },
      ours: async () => ({ ours: await costOfSignedIn(lab, ours, people, resume) }),
      baseline: async () => ({ usual: await costOfSignedIn(lab, usual, people, join), bare: await bareCost() }),
    })
    const verified = await measurePairs({
      ...{ rounds: 6, warmupRounds: warmings, floor },
      ours: () => costOfSignedIn(lab, ours, people, async client => client),
      baseline: bareCost,
    })
    for (const subject of [ours, usual, bare, raw]) await subject.stop()
    const comparedWith = (name: 'usual' | 'bare') => ({
      ...resumed,
      pairs: resumed.pairs.map(pair => ({ ...pair, ours: pair.ours.ours, baseline: pair.baseline[name] })),
    })
    return [
      toMeasured('connect-and-resume', comparedWith('usual'), [
        `every client has its own token, used once; ${missed} event missed on each of four channels`,
        'the other server verifies the same token with jose, queries PostgreSQL once for each of the five rooms, and does not resend events',
      ]),
      toMeasured('connect-and-resume-bare', comparedWith('bare'), ['measured in the same rounds']),
      toMeasured('connect-and-verify', verified, ['the above without the resume']),
    ]
  },
}

/** Microseconds per client. Each side of a pair sets its own fields. */
interface Costs {
  ours?: number
  usual?: number
  bare?: number
}

function toMeasured(
  name: string,
  { pairs, remarks }: PairedResult<number | undefined>,
  ownRemarks: readonly string[],
): MeasuredFigure {
  const us = (values: readonly (number | undefined)[]) => `${median(values.map(value => value ?? NaN)).toFixed(0)} µs`
  return {
    name,
    result: spreadOf(pairs.map(({ ours = NaN, baseline = NaN }) => ours / baseline)),
    ours: us(pairs.map(pair => pair.ours)),
    baseline: us(pairs.map(pair => pair.baseline)),
    floor: us(pairs.map(pair => pair.floor)),
    remarks: [...ownRemarks, ...remarks],
  }
}

type OnConnected = (client: LoadClient, person: Person) => Promise<LoadClient>

/** Connects everybody once, so that each has positions to resume from. */
async function prepare(
  lab: TestBench,
  subject: RunningServer,
  people: readonly Person[],
): Promise<Record<'resume' | 'join', OnConnected>> {
  const channels = await makeChannels(lab, people)
  const positionsOf = new Map<string, Map<string, Position>>()
  await mapConcurrently(people, atOnce, async person => {
    const client = await LoadClient.connect(subject.port, await lab.token(person))
    positionsOf.set(person.id, (await followAll(client, channels.of(person))).positions)
    client.terminate()
  })
  for (const channel of channels.shared)
    for (let n = 0; n < eventsBefore; n += 1) await subject.request('announce', { channel, count: 1 })
  for (const positions of positionsOf.values())
    for (const channel of channels.shared) {
      const { epoch = '', offset = 0 } = positions.get(channel) ?? {}
      positions.set(channel, { epoch, offset: offset + eventsBefore - missed })
    }

  const resume: OnConnected = async (client, person) => {
    const { caughtUp } = await followAll(client, channels.of(person), positionsOf.get(person.id))
    const got = caughtUp.reduce((sum, { events }) => sum + events.length, 0)
    const isWhole = caughtUp.every(({ recovered }) => recovered) && got === missed * channels.shared.length
    if (!isWhole) throw new InvalidMeasurement(`a client caught up on ${got} events: ${JSON.stringify(caughtUp)}`)
    return client
  }
  const join: OnConnected = async (client, person) => {
    const wanted = channels.of(person)
    const { caughtUp } = await followAll(client, wanted, positionsOf.get(person.id))
    if (caughtUp.length !== wanted.length)
      throw new InvalidMeasurement(`a client joined ${caughtUp.length} of ${wanted.length} rooms`)
    return client
  }
  return { resume, join }
}

/** Cost per client with a new token, including the work of `onConnected`. */
async function costOfSignedIn(
  lab: TestBench,
  subject: RunningServer,
  people: readonly Person[],
  onConnected: OnConnected,
) {
  const tokens = new Map<Person, string>()
  for (const person of people) tokens.set(person, await lab.token(person))
  return costOf(subject, people, async person =>
    onConnected(await LoadClient.connect(subject.port, tokens.get(person)), person),
  )
}

/** CPU time per client in microseconds, without the disconnect. */
async function costOf(
  subject: RunningServer,
  people: readonly Person[],
  onConnected: (person: Person) => Promise<LoadClient>,
): Promise<number> {
  let clients: readonly LoadClient[] = []
  const cost = await subject.measureCpu(async () => {
    clients = await mapConcurrently(people, atOnce, onConnected)
  })
  const refused = clients.reduce((sum, { refusals }) => sum + refusals, 0)
  for (const client of clients) client.terminate()
  await pause(300)
  if (refused > 0)
    throw new InvalidMeasurement(`${refused} connections were refused first: event loop lag of the server`)
  return cost / people.length
}
