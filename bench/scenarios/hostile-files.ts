import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { flacWithPictures, id3, mutateBytes, nestedAtoms } from '../../test/media/audio/hostile-files'
import { median, quantile, spreadOf } from '../judge'
import { type LoadClient, type Reply } from '../load/load-client'
import { measurePairs, InvalidMeasurement } from '../measure-pairs'
import { type RunningServer } from '../start-server'
import { atMost, type Scenario } from './scenario'

const callsPerSecond = 100
/** Enough clients to stay below the rate limit of 10 calls/s per connection. */
const clientCount = 20
/** A worker's concurrency of long jobs. */
const atOnce = 2
const floodBytes = 16 * 1024 * 1024
const idleMs = 10_000

/** Event loop lag of a node and a worker while the worker processes malicious files. */
export const hostileFiles: Scenario = {
  name: 'hostile',
  figures: [
    {
      name: 'hostile-node',
      title: 'Event loop lag of a node while a worker processes hostile files, p99',
      unit: 'ms',
      goal: atMost(50),
    },
    { name: 'hostile-worker', title: 'Event loop lag of that worker, p99', unit: 'ms', goal: atMost(50) },
  ],

  async measure(lab) {
    const folder = await mkdtemp(join(tmpdir(), 'tutti-bench-hostile-'))
    try {
      const files = await makeFiles(folder)
      // The node has its own core, as in the other scenarios; the worker and its tools run on any core.
      const [node, worker] = [await lab.startServer('tutti'), await lab.startServer('tutti', { isUnpinned: true })]
      const [person = { id: '', subject: '' }] = lab.people
      const clients = await lab.connectClients(node, clientCount)
      const during = async (work: () => Promise<unknown>) => {
        for (const subject of [node, worker]) await subject.request('lateness', null)
        await whileCalled(clients, work)
        return { node: await node.request('lateness', null), worker: await worker.request('lateness', null) }
      }
      const { pairs, remarks } = await measurePairs({
        rounds: 2,
        ours: () => during(() => judgeAll(worker, files, person.id)),
        baseline: () => during(() => new Promise(resolve => setTimeout(resolve, idleMs))),
      })
      for (const subject of [node, worker]) await subject.stop()
      const figureOf = (who: 'node' | 'worker') => {
        const p99 = pairs.map(pair => quantile(pair.ours[who], 0.99))
        const idle = pairs.map(pair => quantile(pair.baseline[who], 0.99))
        const largest = Math.max(...pairs.flatMap(pair => pair.ours[who]))
        return {
          name: `hostile-${who}`,
          result: spreadOf(p99),
          ours: `${median(p99).toFixed(2)} ms`,
          baseline: `${median(idle).toFixed(2)} ms`,
          largest: `largest single lag: ${largest.toFixed(0)} ms`,
        }
      }
      const { largest: largestOfNode, ...ofNode } = figureOf('node')
      const { largest: largestOfWorker, ...ofWorker } = figureOf('worker')
      const conditions = `${files.length} files, ${atOnce} at once, and ${callsPerSecond} calls/s, all answered; the baseline is the same without files`
      return [
        { ...ofNode, remarks: [conditions, largestOfNode, ...remarks] },
        { ...ofWorker, remarks: [largestOfWorker, ...remarks] },
      ]
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

/** Sends calls at an even pace during `work`; every call must succeed. */
async function whileCalled(clients: readonly LoadClient[], work: () => Promise<unknown>): Promise<void> {
  const calls: Promise<Reply>[] = []
  const call = () => {
    const client = clients[calls.length % clients.length]
    if (client !== undefined) calls.push(client.call('user-profile.getMe', {}))
  }
  const timer = setInterval(call, 1_000 / callsPerSecond)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  for (const { error } of await Promise.all(calls))
    if (error !== undefined) throw new InvalidMeasurement(`a call failed: ${error.code}`)
}

async function judgeAll(worker: RunningServer, files: readonly string[], ownerId: string): Promise<void> {
  const left = [...files]
  const judge = async () => {
    for (let path = left.pop(); path !== undefined; path = left.pop()) {
      const uploadId = await worker.request('prepareUpload', { path, ownerId })
      const state = await worker.request('judgeUpload', { uploadId })
      if (!['ready', 'rejected'].includes(state)) throw new InvalidMeasurement(`${path} is ${state}`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, judge))
}

/** Generates truncated files, files with floods of sync words, huge pictures and tags, and random mutations. */
async function makeFiles(folder: string): Promise<string[]> {
  const made = async (name: string, ...args: string[]) => {
    const path = join(folder, name)
    const source = `aevalsrc=0.5*sin(440*2*PI*t)*abs(sin(2*PI*t)):d=10:s=44100`
    await promisify(execFile)('ffmpeg', ['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', source, ...args, '-y', path])
    return readFile(path)
  }
  const [mp3, ogg, flac] = [await made('0.mp3'), await made('0.ogg', '-c:a', 'libvorbis'), await made('0.flac')]
  const flood = (pattern: string) => Buffer.alloc(floodBytes, pattern, 'latin1')
  const words: [string, Buffer][] = Array.from({ length: 3_000 }, (_, n) => ['TXXX', Buffer.from(`\u0003k${n}\0v`)])
  const files = [
    ...[mp3, ogg, flac].map(file => file.subarray(0, file.length / 2)),
    Buffer.concat([mp3, flood('\u00ff')]),
    Buffer.concat([mp3, flood('\u00ff\u00fb\u0090\u0064')]),
    Buffer.concat([ogg, flood('OggO')]),
    Buffer.concat([flac, flood('\u00ff\u00f8')]),
    flood('\u00ff\u00f1\u0050\u0080\0\u00ff\u00fc'),
    flacWithPictures(flac, 2),
    Buffer.concat([id3(...words), mp3]),
    Buffer.concat([id3(['TIT2', flood('A').subarray(0, 2 * 1024 * 1024)]), mp3]),
    nestedAtoms(10_000),
    ...Array.from({ length: 4 }, (_, seed) => mutateBytes(mp3, seed)),
  ]
  return Promise.all(
    files.map(async (file, index) => {
      const path = join(folder, `${index}`)
      await writeFile(path, file)
      return path
    }),
  )
}
