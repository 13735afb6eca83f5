import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { access, chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Track, TrackAudio, Upload } from '../../../models'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { resumeAbandoned } from '../../../skills/music-processing/resume-abandoned'
import { updateTrack } from '../../../skills/tracks/update-track'
import { createTaskList } from '../../../server/job-worker'
import { registry } from '../../../skills'
import { makeAudio } from '../../make-audio'
import { waitUntil } from '../../kernel/wait-until'
import { type EventRecorder, type Person } from '../../person'
import { type NodeProcess, startNodeProcess } from '../../server/start-node-process'
import { createTestApp, type TestApp } from '../../test-app'
import { type PausableStore, startPausableStore } from '../music-upload/pausable-store'
import { sendFile } from '../music-upload/upload-file'

/** Real workers, killed with SIGKILL at every step of an upload: another one finishes it, and nothing is left of the first. */
let testApp: TestApp
let folder: string
let store: PausableStore
let variables: Record<string, string>
let ann: Person
let heard: EventRecorder
let file: string
let worker: NodeProcess
let next: Promise<NodeProcess>
let killed: number
jest.setTimeout(60_000)
beforeAll(async () => {
  store = await startPausableStore()
  testApp = await createTestApp()
  folder = await mkdtemp(join(tmpdir(), 'tutti-killed-'))
  const { ffmpeg, ffprobe } = testApp.app.config.tools
  file = await makeAudio(ffmpeg, 'mp3')
  ann = await testApp.signIn('ann')
  heard = await ann.recordEvents(`user:${ann.id}`)
  variables = {
    ...testApp.variables,
    ...{ ROLES: 'worker', S3_ENDPOINT: store.endpoint },
    FFPROBE_PATH: await sticky(ffprobe, { probing: '*' }),
    FFMPEG_PATH: await sticky(ffmpeg, { waveform: '*ebur128*', encoding: '*-c:a?aac*' }),
  }
  next = startNodeProcess(variables)
}, 60_000)
afterAll(async () => {
  await (await next)[Symbol.asyncDispose]()
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/**
 * A tool that says its pid and sleeps for ever while the file of a step is there and its arguments are those of the step, and does
 * its work otherwise.
 */
async function sticky(tool: string, steps: Record<string, string>): Promise<string> {
  const path = join(folder, `tool-${Object.keys(steps).join('-')}`)
  const waits = Object.entries(steps).map(
    ([step, args]) =>
      `case "$*" in ${args}) [ -e ${join(folder, step)} ] && { echo $$ > ${join(folder, `${step}.pid`)}; exec sleep 600; };; esac`,
  )
  await writeFile(path, `#!/bin/sh\n${waits.join('\n')}\nexec ${tool} "$@"\n`)
  await chmod(path, 0o755)
  return path
}

/** Holds a tool in its work for as long as `during` takes; tells its pid. */
async function whileStuck(name: string, uploadId: string, during: (pid: number) => Promise<void>): Promise<void> {
  await writeFile(join(folder, name), '')
  await ann.call(finalizeUpload, { uploadId })
  const said = join(folder, `${name}.pid`)
  await waitUntil(async () => /\d\n$/.test(await readFile(said, 'utf8').catch(() => '')))
  const pid = Number(await readFile(said, 'utf8'))
  await rm(join(folder, name))
  await rm(said)
  await during(pid)
}

const isRunning = (pid: number) =>
  access(`/proc/${pid}`).then(
    async () => !/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: Z')),
    () => false,
  )

/** Kills the worker; the next one begins to come up. */
async function kill(): Promise<void> {
  killed = worker.pid
  worker.signal('SIGKILL')
  await worker.exited
  await sql(`update workers set heartbeat_at = now() - interval '2 minutes' returning id`)
  next = startNodeProcess(variables)
}

const sql = (text: string, values: Record<string, unknown> = {}) =>
  testApp.app.db.query<Record<string, unknown>>(text, values)

const waitsForLock = () =>
  waitUntil(async () => {
    const [row] = await sql(
      `select count(*) as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    )
    return Number(row?.n) > 0
  })

/** Runs `during` while a row is held that the worker needs next. */
const whileHeld = (row: string, values: Record<string, unknown>, during: () => Promise<void>) =>
  testApp.app.db.transaction(async () => {
    await sql(`${row} for update`, values)
    await during()
  })

/** As if the dead worker's time had run out: what the minute's look finds is done by whichever worker is there. */
async function takeOver(uploadId: string): Promise<void> {
  await sql(
    `update uploads set lease_until = now() - interval '1 second' where id = :uploadId and lease_run_id is not null returning id`,
    { uploadId },
  )
  await sql(
    `update graphile_worker._private_jobs set locked_at = now() - interval '1 minute'
     where locked_at is not null and key = 'process:' || :uploadId returning id`,
    { uploadId },
  )
  await testApp.app.jobs.releaseDeadWorkers()
  const task = createTaskList(testApp.app, registry, new AbortController().signal)[resumeAbandoned.name]
  await task?.({}, { job: { attempts: 1, max_attempts: 1 } } as never)
  await testApp.runJobs()
  // Not over a transport: it takes so long that calls would run out.
  await waitUntil(async () => (await Upload.findByPk(uploadId))?.state === 'ready')
}

async function endedWell(uploadId: string, trackId: string): Promise<void> {
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'ready', error: null })
  expect(await keysUnder(`audio/${trackId}/`)).toEqual(await keysOf(trackId))
  await waitUntil(async () => (await keysUnder(`incoming/${uploadId}`)).length === 0)
  const own = `tutti-work-${killed}-`
  expect((await readdir(tmpdir())).filter(name => name.startsWith(own))).toEqual([])
  await heard.waitForAll(testApp.app)
  expect(readyEvents(uploadId)).toBe(1)
}

/** All that its rows speak of. */
async function keysOf(trackId: string): Promise<string[]> {
  const track = await Track.findByPk(trackId)
  const audio = await TrackAudio.findByPk(trackId)
  const streams = audio?.renditions.flatMap(({ playlistKey, mediaKey }) => [playlistKey, mediaKey]) ?? []
  return [track?.audioKey, audio?.downloadKey, audio?.manifestKey, audio?.previewKey, ...streams]
    .flatMap(key => key ?? [])
    .sort()
}

const readyEvents = (uploadId: string): number =>
  heard.events.filter(({ name, data }) => {
    const upload = data.upload as { id?: string; state?: string } | undefined
    return name === 'music-upload.uploadChanged' && upload?.id === uploadId && upload.state === 'ready'
  }).length

const reached = (uploadId: string, step: string) =>
  heard.waitFor('music-upload.uploadChanged', ({ upload }) => {
    const seen = upload as { id: string; step: string | null }
    return seen.id === uploadId && seen.step === step
  })

async function keysUnder(prefix: string): Promise<string[]> {
  const { storage, aws } = testApp.app.config
  const { endpoint, bucket } = storage
  if (endpoint === undefined || aws.credentials === undefined) throw new Error('the tests have a store of their own')
  const s3 = new S3Client({ region: aws.region, credentials: aws.credentials, endpoint, forcePathStyle: true })
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }))
  s3.destroy()
  return Contents.flatMap(({ Key }) => Key ?? [])
}

/** A worker that waits for work, and a file that was sent; it is not finalized yet. */
async function sent(): Promise<string> {
  worker = await next
  return (await sendFile(ann, file, { isDownloadable: true })).upload.id
}

const finalize = (uploadId: string) => ann.call(finalizeUpload, { uploadId })

async function trackOf(uploadId: string): Promise<string> {
  const { trackId } = await ann.call(getUpload, { uploadId })
  if (trackId === null) throw new Error('an upload that was finalized has a track')
  return trackId
}

describe('an upload whose worker is killed', () => {
  // What is asked of the store, and whether it is done before the answer is held back.
  it.each([
    ['downloading', /^GET \S*\/incoming\//, false],
    ['storing', /^PUT \S*\/audio\//, true],
    ['storing', /^PUT \S*\/download\.mp3/, true],
  ] as const)('while %s', async (step, request, isDone) => {
    const uploadId = await sent()
    const held = store.holdRequest(request, isDone)
    await finalize(uploadId)
    await held
    await reached(uploadId, step)
    await kill()
    await takeOver(uploadId)
    await endedWell(uploadId, await trackOf(uploadId))
  })

  it.each(['probing', 'waveform', 'encoding'])('while %s, and its tool with it', async step => {
    const uploadId = await sent()
    await whileStuck(step, uploadId, async tool => {
      await reached(uploadId, step)
      expect(await isRunning(tool)).toBe(true)
      await kill()
      if (process.platform === 'linux') await waitUntil(async () => !(await isRunning(tool)))
    })
    await takeOver(uploadId)
    await endedWell(uploadId, await trackOf(uploadId))
  })

  it('right before it has finished', async () => {
    const uploadId = await sent()
    const held = store.holdRequest(/^PUT \S*\/audio\//, true)
    await finalize(uploadId)
    await held
    const trackId = await trackOf(uploadId)
    await whileHeld('select id from tracks where id = :trackId', { trackId }, async () => {
      store.release()
      await waitsForLock()
      await kill()
    })
    expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'processing' })
    await takeOver(uploadId)
    await endedWell(uploadId, trackId)
  })

  it('right after it has finished, and before its job has ended', async () => {
    const uploadId = await sent()
    const held = store.holdRequest(/^PUT \S*\/audio\//, true)
    await finalize(uploadId)
    await held
    const job = `select id from graphile_worker._private_jobs where key = 'process:' || :uploadId`
    await whileHeld(job, { uploadId }, async () => {
      store.release()
      await waitUntil(() => readyEvents(uploadId) === 1)
      await kill()
    })
    await takeOver(uploadId)
    await endedWell(uploadId, await trackOf(uploadId))
  })
})

it('a copy for downloads whose worker is killed is made by another one', async () => {
  const { upload } = await sendFile(ann, file)
  const uploadId = upload.id
  await finalize(uploadId)
  await testApp.runJobs()
  const trackId = await trackOf(uploadId)
  worker = await next
  const held = store.holdRequest(/^PUT \S*\/download\.mp3/, true)
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  await held
  await kill()
  expect((await TrackAudio.findByPk(trackId))?.downloadKey).toBeNull()
  await testApp.app.jobs.releaseDeadWorkers()
  await testApp.runJobs()
  await waitUntil(async () => (await TrackAudio.findByPk(trackId))?.downloadKey != null)
  await endedWell(uploadId, trackId)
})

it('a worker that was frozen while another did its work lets go, with its tool, when it wakes up', async () => {
  const uploadId = await sent()
  await whileStuck('waveform', uploadId, async tool => {
    worker.signal('SIGSTOP')
    await takeOver(uploadId)
    expect(await isRunning(tool)).toBe(true)
    worker.signal('SIGCONT')
    await waitUntil(async () => !(await isRunning(tool)))
  })
  killed = worker.pid
  await waitUntil(async () => !(await readdir(tmpdir())).some(name => name.startsWith(`tutti-work-${killed}-`)))
  await endedWell(uploadId, await trackOf(uploadId))
})
