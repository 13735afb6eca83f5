import { setTimeout as pause } from 'node:timers/promises'
import { quantile, spreadOf } from '../judge'
import { eachOf, LoadClient } from '../load/client'
import { type Person } from '../people'
import { Void } from '../rounds'
import { type RunningSubject } from '../running-subject'
import { followAll, makeChannels, type Position } from './channels'
import { atMost, type Measured, type Scenario } from './scenario'

const clientCount = 2_000
const missed = 3

/** Everybody is cut off at once and comes back at once: how often PostgreSQL is asked. */
export const storm: Scenario = {
  name: 'storm',
  promises: [
    {
      name: 'storm-reads',
      title: 'PostgreSQL statements per client, 2,000 coming back at once',
      unit: 'statements',
      goal: atMost(0.05),
    },
    {
      name: 'storm-reads-elsewhere',
      title: 'PostgreSQL statements per client, 2,000 moving to the other node',
      unit: 'statements',
      goal: atMost(0.05),
    },
  ],

  async measure(lab) {
    const people = lab.people.slice(0, clientCount)
    const channels = await makeChannels(lab, people)
    const nodes = [await lab.start('tutti'), await lab.start('tutti')]
    const tokens = new Map<Person, string>()
    for (const person of people) tokens.set(person, await lab.token(person))
    const knows = new Map<Person, Map<string, Position>>()

    async function come(person: Person, node: RunningSubject | undefined): Promise<LoadClient> {
      const client = await LoadClient.connect(node?.port ?? 0, tokens.get(person))
      const { caughtUp, positions } = await followAll(client, channels.of(person), knows.get(person))
      const got = caughtUp.reduce((sum, { events }) => sum + events.length, 0)
      const expected = knows.has(person) ? missed * channels.shared.length : 0
      const isWhole = !knows.has(person) || caughtUp.every(({ recovered }) => recovered)
      if (!isWhole || got !== expected) throw new Void(`a client got ${got} of ${expected} events that it had missed`)
      knows.set(person, positions)
      return client
    }

    /** Cuts all connections, lets events happen, and has everybody come back. */
    async function strike(
      clients: readonly LoadClient[],
      shift: number,
    ): Promise<[LoadClient[], Map<string, number>, number[]]> {
      for (const client of clients) client.cut()
      await pause(500)
      for (const channel of channels.shared)
        for (let n = 0; n < missed; n += 1) await nodes[0]?.ask('announce', { channel, count: 1 })
      await pause(500)
      await statementsOf(nodes)
      const start = Date.now()
      const took: number[] = []
      const back = await Promise.all(
        people.map(async (person, index) => {
          const client = await come(person, nodes[(index + shift) % nodes.length])
          took.push(Date.now() - start)
          return client
        }),
      )
      return [back, await statementsOf(nodes), took]
    }

    const first = await eachOf(people, 40, (person, index) => come(person, nodes[index % nodes.length]))
    const [same, readsSame, tookSame] = await strike(first, 0)
    const [, readsElsewhere, tookElsewhere] = await strike(same, 1)
    for (const node of nodes) await node.end()
    return [shown('storm-reads', readsSame, tookSame), shown('storm-reads-elsewhere', readsElsewhere, tookElsewhere)]
  },
}

function shown(name: string, statements: ReadonlyMap<string, number>, tookMs: readonly number[]): Measured {
  const count = [...statements.values()].reduce((sum, one) => sum + one, 0)
  const most = [...statements].sort(([, a], [, b]) => b - a).slice(0, 3)
  return {
    name,
    figure: spreadOf([count / clientCount]),
    ours: `${count} for ${clientCount.toLocaleString('en')} clients`,
    remarks: [
      `everybody back and caught up: p50 ${quantile(tookMs, 0.5)} ms, the last after ${quantile(tookMs, 1)} ms`,
      `${missed} events missed on each of four channels; all statements count but what relays and flushers send at their own pace`,
      `most of them: ${most.map(([statement, times]) => `${times} × ${statement}`).join(', ')}`,
    ],
  }
}

/** What a relay or a flusher sends at its own pace has nothing to do with who comes. */
const own = /^[^:]*(relay|flush|poll)/

async function statementsOf(nodes: readonly RunningSubject[]): Promise<Map<string, number>> {
  const all = new Map<string, number>()
  for (const node of nodes)
    for (const [name, count] of Object.entries(await node.ask('statements', null)))
      if (!own.test(name)) all.set(name, (all.get(name) ?? 0) + count)
  return all
}
