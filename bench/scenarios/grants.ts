import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { median, spreadOf } from '../judge'
import { type TestBench } from '../test-bench'
import { makeStreams } from '../fixtures'
import { measurePairs } from '../measure-pairs'
import { type RunningServer } from '../start-server'
import { type Scenario } from './scenario'

const calls = 1_000
const atOnce = 16
/** Tracks requested in turn; after an invalidation each is signed again. */
const tracks = 250
const renditions = ['aac-96', 'aac-160', 'aac-256']
/** Segments of a four-minute track. */
const segments = 40

/** CPU per stream grant, compared with a handler that returns a constant JSON of the same size. */
export const grants: Scenario = {
  name: 'grants',
  figures: [
    { name: 'grant-shared', title: 'CPU per grant, already signed', unit: '×' },
    { name: 'grant-signed', title: 'CPU per grant with cookies, each signed', unit: '×' },
    { name: 'grant-rendered', title: 'CPU per grant, each signed, with its playlists rewritten', unit: '×' },
  ],

  async measure(lab) {
    const [owner = { id: '', subject: '' }] = lab.people
    const trackIds = await makeStreams(lab.db, owner, tracks, renditions, name => `${folder}${name}`)
    await storePlaylists(lab)
    const [ours, bare] = [await lab.startServer('tutti'), await lab.startServer('bare')]
    const token = await lab.token(owner)
    const measured = []
    for (const [name, delivery, count, isCached] of [
      ['grant-shared', 'url', calls, true],
      ['grant-signed', 'cookies', tracks, false],
      ['grant-rendered', 'url', tracks, false],
    ] as const) {
      const measureCost = async (subject: RunningServer) => {
        if (!isCached) await invalidateGrants(lab)
        return costOf(subject, { trackIds, token, delivery, count })
      }
      if (isCached) await measureCost(ours)
      const { pairs, remarks } = await measurePairs({
        ours: () => measureCost(ours),
        baseline: () => measureCost(bare),
      })
      const us = median(pairs.map(pair => pair.ours))
      measured.push({
        name,
        result: spreadOf(pairs.map(pair => pair.ours / pair.baseline)),
        ours: `${us.toFixed(0)} µs`,
        baseline: `${median(pairs.map(pair => pair.baseline)).toFixed(0)} µs`,
        remarks: [`${(1e6 / us).toFixed(0)} grants per second of one core`, ...remarks],
      })
    }
    for (const subject of [ours, bare]) await subject.stop()
    return measured
  },
}

const folder = `audio/${randomUUID()}/${randomUUID()}/hls/`

async function storePlaylists({ storage }: TestBench): Promise<void> {
  const type = 'application/vnd.apple.mpegurl'
  const put = (name: string, lines: readonly string[]) =>
    storage.put(`${folder}${name}`, Buffer.from(['#EXTM3U', '#EXT-X-VERSION:7', ...lines, ''].join('\n')), type)
  await put(
    'master.m3u8',
    renditions.flatMap(name => [`#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2"`, `${name}.m3u8`]),
  )
  for (const name of renditions) {
    const parts = Array.from({ length: segments }, (_, n) => [`#EXTINF:6,`, `#EXT-X-BYTERANGE:9@${n}`, `${name}.mp4`])
    await put(`${name}.m3u8`, [`#EXT-X-MAP:URI="${name}.mp4",BYTERANGE="9@0"`, ...parts.flat(), '#EXT-X-ENDLIST'])
  }
}

/** Changes the audio key of all tracks, which invalidates cached grants. */
const invalidateGrants = ({ db }: TestBench) =>
  db.query(`update tracks set audio_key = 'audio/' || gen_random_uuid() || '.mp3'`)

interface GrantRequests {
  trackIds: readonly string[]
  token: string
  delivery: 'url' | 'cookies'
  count: number
}

/** CPU time of the server per grant, in microseconds. */
async function costOf(subject: RunningServer, { trackIds, token, delivery, count }: GrantRequests): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const body = JSON.stringify({ delivery })
  const headers = {
    ...{ authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    'content-length': Buffer.byteLength(body),
  }
  const grant = (trackId: string) =>
    new Promise<void>((resolve, reject) => {
      const path = `/api/v1/tracks/${trackId}/stream`
      const options = { host: '127.0.0.1', port: subject.port, path, method: 'POST', agent, headers }
      request(options, response => {
        response.resume().on('end', resolve)
        if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`))
      })
        .on('error', reject)
        .end(body)
    })
  let left = count
  const work = async () => {
    while (left-- > 0) await grant(trackIds[left % trackIds.length] ?? '')
  }
  try {
    return (await subject.measureCpu(() => Promise.all(Array.from({ length: atOnce }, work)))) / count
  } finally {
    agent.destroy()
  }
}
