import { median, quantile, spreadOf } from '../judge'
import { type Lab } from '../lab'
import { LoadClient } from '../load/client'
import { makeTracks } from '../people'
import { inPairs, Void } from '../rounds'
import { type Kind } from '../subject'
import { nowUs } from '../subjects/subject'
import { atMost, type Scenario } from './scenario'

const nodes = 2
const channelCount = 50
const perSecond = 500
const seconds = 3
const pace = `${perSecond} events/s, ${nodes} nodes`
const patienceMs = 5_000

/** What the log costs in time: commit to receipt, less what a bare emit takes to its receipt, at the same pace. */
export const latency: Scenario = {
  name: 'latency',
  promises: [
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
    const { pairs, remarks } = await inPairs({ ours: ours.run, baseline: bare.run })
    await ours.close()
    await bare.close()
    const ms = (values: readonly number[]) => `${median(values).toFixed(2)} ms`
    const shown = (at: 'p50' | 'p99') => ({
      name: `latency-${at}`,
      figure: spreadOf(pairs.map(pair => pair.ours[at] - pair.baseline[at])),
      ours: ms(pairs.map(pair => pair.ours[at])),
      baseline: ms(pairs.map(pair => pair.baseline[at])),
    })
    const followers = `commit to receipt, less bare emit to receipt; ${channelCount} channels with a follower on each node, announced on both`
    return [
      { ...shown('p50'), remarks: [followers, ...remarks] },
      { ...shown('p99'), remarks },
    ]
  },
}

interface Quantiles {
  p50: number
  p99: number
}

async function openStream(lab: Lab, kind: Kind, channels: readonly string[]) {
  const subjects = await Promise.all(Array.from({ length: nodes }, () => lab.start(kind)))
  const arrivals: [n: number, atUs: number][] = []
  for (const { port } of subjects)
    for (const [index, channel] of channels.entries()) {
      const person = lab.people[index]
      const token = kind === 'tutti' && person !== undefined ? await lab.token(person) : undefined
      const client = await LoadClient.connect(port, token)
      await client.ask('channel.follow', { channel })
      client.hears = text => {
        const atUs = nowUs()
        if (text.startsWith('["events"')) for (const n of numbersIn(text)) arrivals.push([n, atUs])
      }
    }
  let next = 0

  /** Milliseconds from each event's commit, or emit, to its receipt on each of the nodes. */
  async function run(): Promise<Quantiles> {
    arrivals.length = 0
    const count = (perSecond * seconds) / nodes
    const each = subjects.map((subject, index) =>
      subject.ask('stream', { channels, perSecond: perSecond / nodes, count, first: next + index, step: nodes }),
    )
    next += count * nodes
    const told = new Map((await Promise.all(each)).flat())
    const expected = told.size * nodes
    const deadline = Date.now() + patienceMs
    while (arrivals.length < expected && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20))
    if (arrivals.length !== expected) throw new Void(`${arrivals.length} of ${expected} events were delivered`)
    const all = arrivals.map(([n, atUs]) => (atUs - (told.get(n) ?? NaN)) / 1_000)
    return { p50: quantile(all, 0.5), p99: quantile(all, 0.99) }
  }

  return {
    run,
    async close() {
      for (const subject of subjects) await subject.end()
    },
  }
}

function numbersIn(text: string): number[] {
  const [, { events }] = JSON.parse(text) as [string, { events: { data: { n: number } }[] }]
  return events.map(({ data }) => data.n)
}
