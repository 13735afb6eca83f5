import { median, quantile, spreadOf } from '../judge'
import { type TestBench } from '../test-bench'
import { LoadClient } from '../load/load-client'
import { makeTracks } from '../fixtures'
import { measurePairs, InvalidMeasurement } from '../measure-pairs'
import { type ServerKind } from '../server-process'
import { nowUs } from '../servers/server'
import { atMost, type Scenario } from './scenario'

const nodes = 2
const channelCount = 50
const perSecond = 500
const seconds = 3
const pace = `${perSecond} events/s, ${nodes} nodes`
const timeoutMs = 5_000

/** Latency added by the log: commit to receipt, minus bare emit to receipt, at the same pace. */
export const latency: Scenario = {
  name: 'latency',
  figures: [
    {
      name: 'latency-p50',
      title: `Latency that durability adds, p50, ${pace}`,
      unit: 'ms',
      goal: atMost(3),
    },
    { name: 'latency-p99', title: `Latency that durability adds, p99, ${pace}`, unit: 'ms', goal: atMost(15) },
  ],

  async measure(lab) {
    const owner = lab.people[0] ?? { id: '', subject: '' }
    const channels = (await makeTracks(lab.db, owner, channelCount)).map(track => `track:${track}`)
    const [ours, bare] = [await openStream(lab, 'tutti', channels), await openStream(lab, 'bare', channels)]
    const { pairs, remarks } = await measurePairs({ ours: ours.run, baseline: bare.run })
    await ours.close()
    await bare.close()
    const ms = (values: readonly number[]) => `${median(values).toFixed(2)} ms`
    const figureOf = (at: 'p50' | 'p99') => ({
      name: `latency-${at}`,
      result: spreadOf(pairs.map(pair => pair.ours[at] - pair.baseline[at])),
      ours: ms(pairs.map(pair => pair.ours[at])),
      baseline: ms(pairs.map(pair => pair.baseline[at])),
    })
    const followers = `commit to receipt, minus bare emit to receipt; ${channelCount} channels with a follower on each node, events emitted on both`
    return [
      { ...figureOf('p50'), remarks: [followers, ...remarks] },
      { ...figureOf('p99'), remarks },
    ]
  },
}

interface Quantiles {
  p50: number
  p99: number
}

async function openStream(lab: TestBench, kind: ServerKind, channels: readonly string[]) {
  const subjects = await Promise.all(Array.from({ length: nodes }, () => lab.startServer(kind)))
  const arrivals: [n: number, atUs: number][] = []
  for (const { port } of subjects)
    for (const [index, channel] of channels.entries()) {
      const person = lab.people[index]
      const token = kind === 'tutti' && person !== undefined ? await lab.token(person) : undefined
      const client = await LoadClient.connect(port, token)
      await client.callOrThrow('channel.follow', { channel })
      client.onEvents = text => {
        const atUs = nowUs()
        if (text.startsWith('["events"')) for (const n of numbersIn(text)) arrivals.push([n, atUs])
      }
    }
  let next = 0

  /** Milliseconds from the commit or emit of each event to its receipt on each node. */
  async function run(): Promise<Quantiles> {
    arrivals.length = 0
    const count = (perSecond * seconds) / nodes
    const streams = subjects.map((subject, index) =>
      subject.request('stream', { channels, perSecond: perSecond / nodes, count, first: next + index, step: nodes }),
    )
    next += count * nodes
    const committedAt = new Map((await Promise.all(streams)).flat())
    const expected = committedAt.size * nodes
    const deadline = Date.now() + timeoutMs
    while (arrivals.length < expected && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20))
    if (arrivals.length !== expected)
      throw new InvalidMeasurement(`${arrivals.length} of ${expected} events were delivered`)
    const all = arrivals.map(([n, atUs]) => (atUs - (committedAt.get(n) ?? NaN)) / 1_000)
    return { p50: quantile(all, 0.5), p99: quantile(all, 0.99) }
  }

  return {
    run,
    async close() {
      for (const subject of subjects) await subject.stop()
    },
  }
}

function numbersIn(text: string): number[] {
  const [, { events }] = JSON.parse(text) as [string, { events: { data: { n: number } }[] }]
  return events.map(({ data }) => data.n)
}
