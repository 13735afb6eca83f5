import { median, spreadOf } from '../judge'
import { type TestBench } from '../test-bench'
import { mapConcurrently } from '../load/load-client'
import { measurePairs } from '../measure-pairs'
import { type ServerKind } from '../server-process'
import { makeChannels } from './channels'
import { atMost, type Scenario } from './scenario'

/** Connections before the measurement, until the heap has used its reserve. */
const warming = 1_000
const connections = 3_000

/** Memory per idle connection that follows five channels, in a new process for each measurement. */
export const memory: Scenario = {
  name: 'memory',
  figures: [
    {
      name: 'memory-per-connection',
      title: 'Memory per idle connection, five channels',
      unit: '×',
      goal: atMost(1.2),
    },
  ],

  async measure(lab) {
    const people = lab.people.slice(0, warming + connections)
    const channels = await makeChannels(lab, people)
    const heaps: Partial<Record<ServerKind, number>> = {}
    const sample = (kind: ServerKind) => async () => {
      const { resident, heap } = await bytesPerConnection(lab, kind, channels.of)
      heaps[kind] = heap
      return resident
    }
    const { pairs, remarks } = await measurePairs({
      rounds: 2,
      warmupRounds: 0,
      isFloorSteady: false,
      ours: sample('tutti'),
      baseline: sample('bare'),
      floor: sample('raw'),
    })
    const kb = (values: readonly (number | undefined)[]) =>
      `${(median(values.map(value => value ?? NaN)) / 1024).toFixed(1)} KB`
    return [
      {
        name: 'memory-per-connection',
        result: spreadOf(pairs.map(pair => pair.ours / pair.baseline)),
        ours: kb(pairs.map(pair => pair.ours)),
        baseline: kb(pairs.map(pair => pair.baseline)),
        floor: kb(pairs.map(pair => pair.floor)),
        remarks: [
          'a bare connection is in five rooms',
          `resident memory after garbage collection, ${connections.toLocaleString('en')} connections on top of ${warming.toLocaleString('en')}`,
          `of which JavaScript objects: ours ${kb([heaps.tutti])}, bare ${kb([heaps.bare])}, floor ${kb([heaps.raw])}`,
          ...remarks,
        ],
      },
    ]
  },
}

async function bytesPerConnection(
  lab: TestBench,
  kind: ServerKind,
  channelsOf: (person: TestBench['people'][number]) => readonly string[],
): Promise<{ resident: number; heap: number }> {
  // Use the default semi-space size: the resident part of a larger young generation would distort the result.
  const subject = await lab.startServer(kind, { execArgv: ['--expose-gc', '--max-semi-space-size=16'] })
  try {
    const connectTo = async (from: number, to: number) => {
      const clients = await lab.connectClients(subject, to - from, from)
      if (kind !== 'raw')
        await mapConcurrently(clients, 40, async (client, index) => {
          const person = lab.people[from + index]
          if (person !== undefined)
            await Promise.all(channelsOf(person).map(channel => client.callOrThrow('channel.follow', { channel })))
        })
    }
    await connectTo(0, warming)
    const before = await subject.request('memory', null)
    await connectTo(warming, warming + connections)
    const after = await subject.request('memory', null)
    return {
      resident: (after.resident - before.resident) / connections,
      heap: (after.heap - before.heap) / connections,
    }
  } finally {
    await subject.stop()
  }
}
