import { setTimeout as pause } from 'node:timers/promises'
import { quantile, spreadOf } from '../judge'
import { mapConcurrently, LoadClient } from '../load/load-client'
import { type Person } from '../fixtures'
import { InvalidMeasurement } from '../measure-pairs'
import { type RunningServer } from '../start-server'
import { followAll, makeChannels, type Position } from './channels'
import { atMost, type MeasuredFigure, type Scenario } from './scenario'

const clientCount = 2_000
const missed = 3

/** All clients are disconnected and reconnect at once: PostgreSQL statements per client. */
export const reconnectStorm: Scenario = {
  name: 'storm',
  figures: [
    {
      name: 'storm-reads',
      title: 'PostgreSQL statements per client, 2,000 reconnecting at once',
      unit: 'statements',
      goal: atMost(0.05),
    },
    {
      name: 'storm-reads-elsewhere',
      title: 'PostgreSQL statements per client, 2,000 moving to another node',
      unit: 'statements',
      goal: atMost(0.05),
    },
  ],

  async measure(lab) {
    const people = lab.people.slice(0, clientCount)
    const channels = await makeChannels(lab, people)
    const nodes = [await lab.startServer('tutti'), await lab.startServer('tutti')]
    const tokens = new Map<Person, string>()
    for (const person of people) tokens.set(person, await lab.token(person))
    const positionsByPerson = new Map<Person, Map<string, Position>>()

    async function connect(person: Person, node: RunningServer | undefined): Promise<LoadClient> {
      const client = await LoadClient.connect(node?.port ?? 0, tokens.get(person))
      const { caughtUp, positions } = await followAll(client, channels.of(person), positionsByPerson.get(person))
      const got = caughtUp.reduce((sum, { events }) => sum + events.length, 0)
      const expected = positionsByPerson.has(person) ? missed * channels.shared.length : 0
      const isWhole = !positionsByPerson.has(person) || caughtUp.every(({ recovered }) => recovered)
      if (!isWhole || got !== expected)
        throw new InvalidMeasurement(`a client caught up on ${got} of ${expected} events`)
      positionsByPerson.set(person, positions)
      return client
    }

    /** Drops all connections, emits events, and reconnects everybody. */
    async function disconnectAll(
      clients: readonly LoadClient[],
      shift: number,
    ): Promise<[LoadClient[], Map<string, number>, number[]]> {
      for (const client of clients) client.terminate()
      await pause(500)
      for (const channel of channels.shared)
        for (let n = 0; n < missed; n += 1) await nodes[0]?.request('announce', { channel, count: 1 })
      await pause(500)
      await statementsOf(nodes)
      const start = Date.now()
      const took: number[] = []
      const reconnected = await Promise.all(
        people.map(async (person, index) => {
          const client = await connect(person, nodes[(index + shift) % nodes.length])
          took.push(Date.now() - start)
          return client
        }),
      )
      return [reconnected, await statementsOf(nodes), took]
    }

    const first = await mapConcurrently(people, 40, (person, index) => connect(person, nodes[index % nodes.length]))
    const [same, readsSame, tookSame] = await disconnectAll(first, 0)
    const [, readsElsewhere, tookElsewhere] = await disconnectAll(same, 1)
    for (const node of nodes) await node.stop()
    return [
      figureOf('storm-reads', readsSame, tookSame),
      figureOf('storm-reads-elsewhere', readsElsewhere, tookElsewhere),
    ]
  },
}

function figureOf(name: string, statements: ReadonlyMap<string, number>, tookMs: readonly number[]): MeasuredFigure {
  const count = [...statements.values()].reduce((sum, one) => sum + one, 0)
  const most = [...statements].sort(([, a], [, b]) => b - a).slice(0, 3)
  return {
    name,
    result: spreadOf([count / clientCount]),
    ours: `${count} for ${clientCount.toLocaleString('en')} clients`,
    remarks: [
      `time to reconnect and catch up: p50 ${quantile(tookMs, 0.5)} ms, max ${quantile(tookMs, 1)} ms`,
      `${missed} events missed on each of four channels; statements of relays and flushers are not counted`,
      `most frequent: ${most.map(([statement, times]) => `${times} × ${statement}`).join(', ')}`,
    ],
  }
}

/** Statements of relays and flushers, which do not depend on the number of clients. */
const background = /^[^:]*(relay|flush|poll)/

async function statementsOf(nodes: readonly RunningServer[]): Promise<Map<string, number>> {
  const all = new Map<string, number>()
  for (const node of nodes)
    for (const [name, count] of Object.entries(await node.request('statements', null)))
      if (!background.test(name)) all.set(name, (all.get(name) ?? 0) + count)
  return all
}
