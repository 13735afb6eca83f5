import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { encodeArgs } from '../../media/audio/encode-audio'
import { formatsBySignature } from '../../media/audio/formats'
import { chooseQualities, chooseStreamShape } from '../../media/audio/bitrate-ladder'
import { measureArgs } from '../../media/audio/measure-audio'
import { median, spreadOf } from '../judge'
import { type TestBench } from '../test-bench'
import { measurePairs, InvalidMeasurement } from '../measure-pairs'
import { type RunningServer } from '../start-server'
import { atMost, type Scenario } from './scenario'

const usualMinutes = 4
const longMinutes = 60

/** CPU of processing a track compared with the bare ffmpeg commands; memory compared with a track 15 times as long. */
export const processing: Scenario = {
  name: 'processing',
  figures: [
    {
      name: 'processing-cpu',
      title: `CPU of a worker and its children for a FLAC of ${usualMinutes} minutes`,
      unit: '×',
      goal: atMost(1.3),
    },
    {
      name: 'processing-memory',
      title: `Peak memory of a worker for ${longMinutes} minutes, vs. ${usualMinutes} minutes`,
      unit: '×',
      goal: atMost(1.2),
    },
  ],

  async measure(lab) {
    const folder = await mkdtemp(join(tmpdir(), 'tutti-bench-processing-'))
    try {
      const usual = await makeFlac(folder, usualMinutes)
      const subject = await lab.startServer('tutti')
      const { pairs, remarks } = await measurePairs({
        rounds: 2,
        ours: () => ourCost(lab, subject, usual),
        baseline: () => bareCost(folder, usual),
      })
      await subject.stop()
      const seconds = (values: readonly number[]) => `${median(values).toFixed(1)} s`
      const [short, long] = [await peakOf(lab, usual), await peakOf(lab, await makeFlac(folder, longMinutes))]
      const mb = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(0)} MB`
      return [
        {
          name: 'processing-cpu',
          result: spreadOf(pairs.map(pair => pair.ours / pair.baseline)),
          ours: seconds(pairs.map(pair => pair.ours)),
          baseline: seconds(pairs.map(pair => pair.baseline)),
          remarks: [
            'baseline: the same two ffmpeg commands, for analysis and encoding, writing to disk',
            'ours also downloads, hashes, probes, computes the waveform, stores and emits events',
            ...remarks,
          ],
        },
        {
          name: 'processing-memory',
          result: spreadOf([long / short]),
          ours: mb(long),
          baseline: mb(short),
          remarks: ['peak resident memory, each in a new process'],
        },
      ]
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

async function makeFlac(folder: string, minutes: number): Promise<string> {
  const path = join(folder, `${minutes}.flac`)
  const tone = (hz: number) => `0.2*sin(2*PI*${hz}*t*(1+floor(mod(t*2\\,8))/8))+0.05*(random(0)-0.5)`
  const source = `aevalsrc=${tone(220)}|${tone(330)}:d=${minutes * 60}:s=44100`
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', source, '-y', path])
  return path
}

async function ourCost(lab: TestBench, subject: RunningServer, path: string): Promise<number> {
  const uploadId = await subject.request('prepareUpload', { path, ownerId: lab.people[0]?.id ?? '' })
  const before = cpuOf(subject.pid)
  await subject.request('processUpload', { uploadId })
  return secondsOf(cpuOf(subject.pid)) - secondsOf(before)
}

/** CPU time of ffmpeg alone with the same arguments. */
async function bareCost(folder: string, path: string): Promise<number> {
  const { flac: format } = formatsBySignature
  if (format === undefined) throw new Error('the FLAC format is not registered')
  const shape = chooseStreamShape({ sampleRate: 44_100, channels: 2 })
  const qualities = chooseQualities(shape, { codec: 'flac', kbps: 0 }, { opus: false })
  const streams = join(folder, 'streams')
  await mkdir(streams)
  const before = cpuOf(process.pid)
  await run(measureArgs({ path, format, fingerprintPath: join(streams, 'fingerprint') }))
  await run(encodeArgs({ path, format, shape, qualities, durationMs: usualMinutes * 60_000, folder: streams }))
  const cost = cpuOf(process.pid).children - before.children
  for (const { name, kbps } of qualities) {
    const { size } = await stat(join(streams, `${name}.mp4`))
    if (size < kbps * usualMinutes * 60 * 25) throw new InvalidMeasurement(`${name} is incomplete`)
  }
  await rm(streams, { recursive: true })
  return cost
}

async function run(args: readonly string[]): Promise<void> {
  const child = spawn('ffmpeg', args, { stdio: 'ignore' })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new InvalidMeasurement(`ffmpeg ended with ${String(code)}`)
}

/** Peak resident memory of a new process while it processes a file, in bytes. */
async function peakOf(lab: TestBench, path: string): Promise<number> {
  const subject = await lab.startServer('tutti')
  const uploadId = await subject.request('prepareUpload', { path, ownerId: lab.people[0]?.id ?? '' })
  await subject.request('processUpload', { uploadId })
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${subject.pid}/status`, 'utf8')) ?? []
  await subject.stop()
  if (kilobytes === undefined) throw new Error('VmHWM is missing in /proc/<pid>/status')
  return Number(kilobytes) * 1024
}

interface Cpu {
  own: number
  /** CPU time of ended child processes. */
  children: number
}

const ticksPerSecond = 100

/** CPU time in seconds, from fields 14 to 17 of /proc/<pid>/stat. */
function cpuOf(pid: number): Cpu {
  const line = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number)
  return { own: (user + system) / ticksPerSecond, children: (childUser + childSystem) / ticksPerSecond }
}

const secondsOf = ({ own, children }: Cpu) => own + children
