import { type TestBench } from '../test-bench'
import { mapConcurrently } from '../load/load-client'
import { DeliveryCounter } from '../load/delivery-counter'
import { median, spreadOf } from '../judge'
import { makeTracks } from '../fixtures'
import { measurePairs, type Pair } from '../measure-pairs'
import { type RunningServer } from '../start-server'
import { type EventBatch } from '../servers/server'
import { atMost, type MeasuredFigure, type Scenario } from './scenario'

const followers = 1_000
const roomSize = `room of ${followers.toLocaleString('en')}`
/** Observed: 1.2 × the bare server for the first 1,000 events, while the JIT compiles; 1.05 × from then on. */
const variants = [
  { name: 'single-events', count: 1, transactions: 1, times: 80, warmings: 18 },
  { name: 'ten-events-a-tick', count: 10, transactions: 1, times: 10, warmings: 1 },
  { name: 'ten-transactions-a-tick', count: 10, transactions: 10, times: 10, warmings: 1 },
]

/** CPU to deliver an event to each follower of a full room, with all guarantees. */
export const fanOut: Scenario = {
  name: 'fan-out',
  figures: [
    {
      name: 'single-events',
      title: `CPU per delivered event, ${roomSize}`,
      unit: '×',
      goal: atMost(1.1),
    },
    {
      name: 'ten-events-a-tick',
      title: `CPU per event, ten in one transaction, ${roomSize}`,
      unit: '×',
      goal: atMost(0.25),
    },
    { name: 'ten-transactions-a-tick', title: `CPU per event, ten transactions at once, ${roomSize}`, unit: '×' },
  ],

  async measure(lab) {
    const [track = ''] = await makeTracks(lab.db, lab.people[0] ?? { id: '', subject: '' }, 1)
    const channel = `track:${track}`
    const [ours, baseline, floor] = [
      await room(lab, await lab.startServer('tutti'), channel),
      await room(lab, await lab.startServer('bare'), channel),
      await room(lab, await lab.startServer('raw'), channel),
    ]
    const measured: MeasuredFigure[] = []
    for (const { name, count, transactions, times, warmings } of variants) {
      const tick = { channel, count, transactions }
      const framesBefore = ours.crowd.frames
      const { pairs, remarks } = await measurePairs({
        warmupRounds: warmings,
        ours: () => ours.costOf(tick, times),
        baseline: () => baseline.costOf(tick, times),
        floor: () => floor.costOf(tick, times),
      })
      const framesPerTick = (ours.crowd.frames - framesBefore) / followers / ours.takeTicks()
      const size = `${Math.round(ours.crowd.bytes / ours.crowd.frames)} and ${Math.round(baseline.crowd.bytes / baseline.crowd.frames)} bytes per frame`
      measured.push({
        name,
        result: spreadOf(pairs.map(pair => pair.ours / pair.baseline)),
        ours: us(pairs, 'ours'),
        baseline: us(pairs, 'baseline'),
        floor: us(pairs, 'floor'),
        remarks: [...(count === 1 ? [size] : [`${framesPerTick.toFixed(1)} frames per ten events`]), ...remarks],
      })
    }
    await lab.stopServers()
    return measured
  },
}

const us = (pairs: readonly Pair[], part: 'ours' | 'baseline' | 'floor') =>
  `${median(pairs.map(pair => pair[part] ?? NaN)).toFixed(2)} µs`

async function room(lab: TestBench, subject: RunningServer, channel: string) {
  const clients = await lab.connectClients(subject, followers)
  if (subject.kind !== 'raw')
    await mapConcurrently(clients, 40, client => client.callOrThrow('channel.follow', { channel }))
  const crowd = new DeliveryCounter(clients)
  let ticks = 0
  return {
    crowd,
    takeTicks() {
      const taken = ticks
      ticks = 0
      return taken
    },
    /** CPU time per delivered event in microseconds. Waits for each tick: two at once would share a frame. */
    async costOf(tick: EventBatch, times: number): Promise<number> {
      const cost = await subject.measureCpu(async () => {
        for (let time = 0; time < times; time += 1) {
          ticks += 1
          await crowd.expectEvents(tick.count, () => subject.request('announce', tick))
        }
      })
      return cost / (times * tick.count * clients.length)
    },
  }
}
