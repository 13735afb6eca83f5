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

/** Kills real workers with SIGKILL at every step of an upload: another finishes it, and the first leaves nothing behind. */
let testApp: TestApp
let folder: string
let store: PausableStore
let variables: Record<string, string>
let ann: Person
let recorder: EventRecorder
let file: string
let worker: NodeProcess
let next: Promise<NodeProcess>
let killedPid: number
jest.setTimeout(60_000)
beforeAll(async () => {
  store = await startPausableStore()
  testApp = await createTestApp()
  folder = await mkdtemp(join(tmpdir(), 'tutti-killed-'))
  const { ffmpeg, ffprobe } = testApp.app.config.tools
  file = await makeAudio(ffmpeg, 'mp3')
  ann = await testApp.signIn('ann')
  recorder = await ann.recordEvents(`user:${ann.id}`)
  variables = {
    ...testApp.variables,
    ...{ ROLES: 'worker', S3_ENDPOINT: store.endpoint },
    FFPROBE_PATH: await makeStoppableTool(ffprobe, { probing: '*' }),
    FFMPEG_PATH: await makeStoppableTool(ffmpeg, { waveform: '*ebur128*', encoding: '*-c:a?aac*' }),
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
 * Wraps a tool: while the file of a step exists and the arguments match that step, it writes its pid and sleeps. Otherwise it
 * runs normally.
 */
async function makeStoppableTool(tool: string, steps: Record<string, string>): Promise<string> {
  const path = join(folder, `tool-${Object.keys(steps).join('-')}`)
  const cases = Object.entries(steps).map(
    ([step, args]) =>
      `case "$*" in ${args}) [ -e ${join(folder, step)} ] && { echo $$ > ${join(folder, `${step}.pid`)}; exec sleep 600; };; esac`,
  )
  await writeFile(path, `#!/bin/sh\n${cases.join('\n')}\nexec ${tool} "$@"\n`)
  await chmod(path, 0o755)
  return path
}

/** Holds a tool in the step while `during` runs with its pid. */
async function whileStuck(name: string, uploadId: string, during: (pid: number) => Promise<void>): Promise<void> {
  await writeFile(join(folder, name), '')
  await ann.call(finalizeUpload, { uploadId })
  const pidFile = join(folder, `${name}.pid`)
  await waitUntil(async () => /\d\n$/.test(await readFile(pidFile, 'utf8').catch(() => '')))
  const pid = Number(await readFile(pidFile, 'utf8'))
  await rm(join(folder, name))
  await rm(pidFile)
  await during(pid)
}

const isRunning = (pid: number) =>
  access(`/proc/${pid}`).then(
    async () => !/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: Z')),
    () => false,
  )

/** Kills the worker and starts the next one. */
async function kill(): Promise<void> {
  killedPid = worker.pid
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

/** Runs `during` while it locks a row that the worker needs next. */
const whileRowLocked = (row: string, values: Record<string, unknown>, during: () => Promise<void>) =>
  testApp.app.db.transaction(async () => {
    await sql(`${row} for update`, values)
    await during()
  })

/** As if the dead worker's lease had expired: runs the resume job, and any worker finishes the upload. */
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
  // Reads the row: a token or call would expire in the time this takes.
  await waitUntil(async () => (await Upload.findByPk(uploadId))?.state === 'ready')
}

async function expectReady(uploadId: string, trackId: string): Promise<void> {
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'ready', error: null })
  expect(await keysUnder(`audio/${trackId}/`)).toEqual(await expectedKeys(trackId))
  await waitUntil(async () => (await keysUnder(`incoming/${uploadId}`)).length === 0)
  const prefixOfKilled = `tutti-work-${killedPid}-`
  expect((await readdir(tmpdir())).filter(name => name.startsWith(prefixOfKilled))).toEqual([])
  await recorder.waitForAll(testApp.app)
  expect(readyEvents(uploadId)).toBe(1)
}

/** The object keys that the rows of the track refer to. */
async function expectedKeys(trackId: string): Promise<string[]> {
  const track = await Track.findByPk(trackId)
  const audio = await TrackAudio.findByPk(trackId)
  const streams = audio?.renditions.flatMap(({ playlistKey, mediaKey }) => [playlistKey, mediaKey]) ?? []
  return [track?.audioKey, audio?.downloadKey, audio?.manifestKey, audio?.previewKey, ...streams]
    .flatMap(key => key ?? [])
    .sort()
}

const readyEvents = (uploadId: string): number =>
  recorder.events.filter(({ name, data }) => {
    const upload = data.upload as { id?: string; state?: string } | undefined
    return name === 'music-upload.uploadChanged' && upload?.id === uploadId && upload.state === 'ready'
  }).length

const waitForStep = (uploadId: string, step: string) =>
  recorder.waitFor('music-upload.uploadChanged', ({ upload }) => {
    const seen = upload as { id: string; step: string | null }
    return seen.id === uploadId && seen.step === step
  })

async function keysUnder(prefix: string): Promise<string[]> {
  const { storage, aws } = testApp.app.config
  const { endpoint, bucket } = storage
  if (endpoint === undefined || aws.credentials === undefined) throw new Error('the tests have their own store')
  const s3 = new S3Client({ region: aws.region, credentials: aws.credentials, endpoint, forcePathStyle: true })
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }))
  s3.destroy()
  return Contents.flatMap(({ Key }) => Key ?? [])
}

/** Waits for an idle worker and sends a file without finalizing it. */
async function sendToWorker(): Promise<string> {
  worker = await next
  return (await sendFile(ann, file, { isDownloadable: true })).upload.id
}

const finalize = (uploadId: string) => ann.call(finalizeUpload, { uploadId })

async function trackOf(uploadId: string): Promise<string> {
  const { trackId } = await ann.call(getUpload, { uploadId })
  if (trackId === null) throw new Error('a finalized upload has a track')
  return trackId
}

describe('an upload whose worker is killed', () => {
  // The request to the store, and whether it is executed before its response is held back.
  it.each([
    ['downloading', /^GET \S*\/incoming\//, false],
    ['storing', /^PUT \S*\/audio\//, true],
    ['storing', /^PUT \S*\/download\.mp3/, true],
  ] as const)('while %s', async (step, request, isDone) => {
    const uploadId = await sendToWorker()
    const requestHeld = store.holdRequest(request, isDone)
    await finalize(uploadId)
    await requestHeld
    await waitForStep(uploadId, step)
    await kill()
    await takeOver(uploadId)
    await expectReady(uploadId, await trackOf(uploadId))
  })

  it.each(['probing', 'waveform', 'encoding'])('while %s, and its tool with it', async step => {
    const uploadId = await sendToWorker()
    await whileStuck(step, uploadId, async tool => {
      await waitForStep(uploadId, step)
      expect(await isRunning(tool)).toBe(true)
      await kill()
      if (process.platform === 'linux') await waitUntil(async () => !(await isRunning(tool)))
    })
    await takeOver(uploadId)
    await expectReady(uploadId, await trackOf(uploadId))
  })

  it('right before it has finished', async () => {
    const uploadId = await sendToWorker()
    const requestHeld = store.holdRequest(/^PUT \S*\/audio\//, true)
    await finalize(uploadId)
    await requestHeld
    const trackId = await trackOf(uploadId)
    await whileRowLocked('select id from tracks where id = :trackId', { trackId }, async () => {
      store.release()
      await waitsForLock()
      await kill()
    })
    expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'processing' })
    await takeOver(uploadId)
    await expectReady(uploadId, trackId)
  })

  it('right after it has finished, and before its job has ended', async () => {
    const uploadId = await sendToWorker()
    const requestHeld = store.holdRequest(/^PUT \S*\/audio\//, true)
    await finalize(uploadId)
    await requestHeld
    const job = `select id from graphile_worker._private_jobs where key = 'process:' || :uploadId`
    await whileRowLocked(job, { uploadId }, async () => {
      store.release()
      await waitUntil(() => readyEvents(uploadId) === 1)
      await kill()
    })
    await takeOver(uploadId)
    await expectReady(uploadId, await trackOf(uploadId))
  })
})

it('a download copy whose worker is killed is made by another one', async () => {
  const { upload } = await sendFile(ann, file)
  const uploadId = upload.id
  await finalize(uploadId)
  await testApp.runJobs()
  // The next worker may have started already and taken the job.
  await waitUntil(async () => (await Upload.findByPk(uploadId))?.state === 'ready')
  const trackId = await trackOf(uploadId)
  worker = await next
  const requestHeld = store.holdRequest(/^PUT \S*\/download\.mp3/, true)
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  await requestHeld
  await kill()
  expect((await TrackAudio.findByPk(trackId))?.downloadKey).toBeNull()
  await testApp.app.jobs.releaseDeadWorkers()
  await testApp.runJobs()
  await waitUntil(async () => (await TrackAudio.findByPk(trackId))?.downloadKey != null)
  await expectReady(uploadId, trackId)
})

it('a worker that was frozen while another finished its upload stops with its tool when it continues', async () => {
  const uploadId = await sendToWorker()
  await whileStuck('waveform', uploadId, async tool => {
    worker.signal('SIGSTOP')
    await takeOver(uploadId)
    expect(await isRunning(tool)).toBe(true)
    worker.signal('SIGCONT')
    await waitUntil(async () => !(await isRunning(tool)))
  })
  killedPid = worker.pid
  await waitUntil(async () => !(await readdir(tmpdir())).some(name => name.startsWith(`tutti-work-${killedPid}-`)))
  await expectReady(uploadId, await trackOf(uploadId))
})
