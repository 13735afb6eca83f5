import { setTimeout as pause } from 'node:timers/promises'
import { median, spreadOf } from '../judge'
import { type Lab } from '../lab'
import { eachOf, LoadClient } from '../load/client'
import { type Person } from '../people'
import { inPairs, Void } from '../rounds'
import { type RunningSubject } from '../running-subject'
import { followAll, makeChannels, type Position } from './channels'
import { atMost, type Measured, type Scenario } from './scenario'

const comeAndGo = 600
/** Seen: the cost falls until some three thousand have come, of the bare server too. */
const warmings = 6
const atOnce = 40
/** Events of each shared channel that a client has missed when it comes back. */
const missed = 1
const announcedBefore = 5

/** What the server pays for a client that comes back: connection, token, rights and what it has missed on five channels. */
export const connect: Scenario = {
  name: 'connect',
  promises: [
    {
      name: 'connect-and-resume',
      title: 'CPU per client: connect, verify RS256, resume five channels; against a bare connect',
      unit: '×',
      goal: atMost(2),
    },
    {
      name: 'connect-and-verify',
      title: 'CPU per client: connect and verify RS256 alone, against a bare connect',
      unit: '×',
    },
  ],

  async measure(lab) {
    const people = lab.people.slice(0, comeAndGo)
    const [ours, bare, raw] = [await lab.start('tutti'), await lab.start('bare'), await lab.start('raw')]
    const resume = await prepare(lab, ours, people)
    const us = (values: readonly (number | undefined)[]) => `${median(values.map(value => value ?? NaN)).toFixed(0)} µs`
    const compare = async (name: string, come: Come, remark: string): Promise<Measured> => {
      const { pairs, remarks } = await inPairs({
        ...{ rounds: 6, warmings },
        ours: () => costOfSignedIn(lab, ours, people, come),
        baseline: () => costOf(bare, people, () => LoadClient.connect(bare.port)),
        floor: () => costOf(raw, people, () => LoadClient.connectRaw(raw.port)),
      })
      return {
        name,
        figure: spreadOf(pairs.map(pair => pair.ours / pair.baseline)),
        ours: us(pairs.map(pair => pair.ours)),
        baseline: us(pairs.map(pair => pair.baseline)),
        floor: us(pairs.map(pair => pair.floor)),
        remarks: [remark, ...remarks],
      }
    }
    const measured = [
      await compare(
        'connect-and-resume',
        resume,
        `every client with a token of its own, used once; ${missed} event missed on each of four channels`,
      ),
      await compare('connect-and-verify', async client => client, 'the part of the above that is not the resume'),
    ]
    for (const subject of [ours, bare, raw]) await subject.end()
    return measured
  },
}

type Come = (client: LoadClient, person: Person) => Promise<LoadClient>

/** Everybody has been there before and knows where they were. */
async function prepare(lab: Lab, subject: RunningSubject, people: readonly Person[]): Promise<Come> {
  const channels = await makeChannels(lab, people)
  const knows = new Map<string, Map<string, Position>>()
  await eachOf(people, atOnce, async person => {
    const client = await LoadClient.connect(subject.port, await lab.token(person))
    knows.set(person.id, (await followAll(client, channels.of(person))).positions)
    client.cut()
  })
  for (const channel of channels.shared)
    for (let n = 0; n < announcedBefore; n += 1) await subject.ask('announce', { channel, count: 1 })
  for (const positions of knows.values())
    for (const channel of channels.shared) {
      const { epoch = '', offset = 0 } = positions.get(channel) ?? {}
      positions.set(channel, { epoch, offset: offset + announcedBefore - missed })
    }

  return async (client, person) => {
    const { caughtUp } = await followAll(client, channels.of(person), knows.get(person.id))
    const got = caughtUp.reduce((sum, { events }) => sum + events.length, 0)
    const isWhole = caughtUp.every(({ recovered }) => recovered) && got === missed * channels.shared.length
    if (!isWhole) throw new Void(`a client got ${got} events that it had missed: ${JSON.stringify(caughtUp)}`)
    return client
  }
}

/** What it costs that they come with a token that nobody has seen yet, and do what they come for. */
async function costOfSignedIn(lab: Lab, subject: RunningSubject, people: readonly Person[], come: Come) {
  const tokens = new Map<Person, string>()
  for (const person of people) tokens.set(person, await lab.token(person))
  return costOf(subject, people, async person =>
    come(await LoadClient.connect(subject.port, tokens.get(person)), person),
  )
}

/** Microseconds of CPU time per client. That they leave afterwards is not counted. */
async function costOf(
  subject: RunningSubject,
  people: readonly Person[],
  come: (person: Person) => Promise<LoadClient>,
): Promise<number> {
  let clients: readonly LoadClient[] = []
  const cost = await subject.cost(async () => {
    clients = await eachOf(people, atOnce, come)
  })
  const refused = clients.reduce((sum, { refusals }) => sum + refusals, 0)
  for (const client of clients) client.cut()
  await pause(300)
  if (refused > 0) throw new Void(`${refused} clients were sent away first: the server was late`)
  return cost / people.length
}
