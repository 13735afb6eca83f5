import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newId } from '../../../kernel/pipeline/new-id'
import { type AnyJob, job } from '../../../kernel/events/job'
import { emptyObject } from '../../../kernel/pipeline/schema'
import { sweepBucket } from '../../../kernel/platform/bucket-sweep'
import { createTaskList } from '../../../server/job-worker'
import { registry } from '../../../skills'
import { Track, TrackAudio, Upload } from '../../../models'
import { makeDownloadCopy } from '../../../skills/music-processing/make-download-copy'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { copyJobsMax, sweepMissingDownloads } from '../../../skills/music-processing/sweep/sweep-missing-downloads'
import { sweepAudioFiles } from '../../../skills/music-processing/sweep-audio-files'
import { resumeAbandoned } from '../../../skills/music-processing/resume-abandoned'
import { pageTracksMax, pageMissingDownloads } from '../../../skills/music-processing/missing-downloads'
import { updateTrack } from '../../../skills/tracks/update-track'
import { grantDownload } from '../../../skills/streaming/grant-download'
import { makeAudio } from '../../make-audio'
import { waitUntil } from '../../kernel/wait-until'
import { createOwnBucket } from '../../create-own-bucket'
import { type Person } from '../../person'
import { testTools } from '../../audio-analysis'
import { createTestApp, type TestApp } from '../../test-app'
import { sendFile, uploadFile } from '../music-upload/upload-file'
import { type FaultInjectingStore, startFaultInjectingStore } from '../music-upload/fault-injecting-store'

let testApp: TestApp
let store: FaultInjectingStore
let folder: string
let ann: Person
let bob: Person
let file: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tutti-copies-test-'))
  const { ffmpeg, ffprobe } = testTools()
  const noEdge = { CLOUDFRONT_DOMAIN: '', CLOUDFRONT_KEY_PAIR_ID: '', CLOUDFRONT_PRIVATE_KEY: '' }
  const tools = {
    FFMPEG_PATH: await makeFailingTool(ffmpeg, 'copying'),
    FFPROBE_PATH: await makeFailingTool(ffprobe, 'probing'),
  }
  store = await startFaultInjectingStore()
  const variables = { ...(await createOwnBucket()), ...noEdge, ...tools, S3_ENDPOINT: store.endpoint }
  testApp = await createTestApp({ nodes: 1, variables })
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
  file = await makeAudio(ffmpeg, 'wav')
})
afterAll(() => rm(folder, { recursive: true }))
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})
afterEach(async () => {
  store.delay = () => undefined
  await Track.update({ deletedAt: new Date() }, { where: { deletedAt: null } })
  await sql('select count(*) from graphile_worker.complete_jobs(array(select id from graphile_worker.jobs))')
  await sql(`delete from bucket_sweeps where area = 'missing-downloads' returning area`)
})

const sql = <R extends object>(text: string, values: Record<string, unknown> = {}) =>
  testApp.app.db.query<R>(text, values)

/** Wraps a tool: while the file named after the step exists, the tool kills itself in that step with the signal in the file. */
async function makeFailingTool(tool: string, what: 'copying' | 'probing'): Promise<string> {
  const path = join(folder, `${what}-tool`)
  const matches = what === 'copying' ? 'case "$*" in *-map_metadata*/download.*) true;; *) false;; esac' : 'true'
  const kill = `read -r signal < ${join(folder, what)}; kill -s "$signal" $$`
  await writeFile(
    path,
    `#!/bin/sh\nif [ -e ${join(folder, what)} ] && ${matches}; then ${kill}; fi\nexec ${tool} "$@"\n`,
  )
  await chmod(path, 0o755)
  return path
}
const makeToolFail = (what: 'copying' | 'probing', signal: string) => writeFile(join(folder, what), `${signal}\n`)
/** As when the tool exceeds its CPU time. */
const makeToolTimeOut = (what: 'copying' | 'probing') => makeToolFail(what, 'XCPU')
const restoreTool = (what: 'copying' | 'probing') => rm(join(folder, what))

const copyJobs = () =>
  sql<{ key: string | null; attempts: number }>(
    `select key, attempts from graphile_worker.jobs where task_identifier = :name order by id`,
    { name: makeDownloadCopy.name },
  )
/** Makes the waiting job due once its attempt has failed, and runs it. */
async function retryNow(): Promise<void> {
  const due = `update graphile_worker._private_jobs set run_at = now()
    where key like 'download:%' and locked_at is null and run_at > now() returning id`
  await waitUntil(async () => (await sql(due)).length > 0)
  await testApp.runJobs()
}

/** Only the part of the hourly sweep that finds missing downloads. */
const findMissingDownloads = job({
  name: 'test.lookForUncopied',
  payload: emptyObject,
  attemptsMax: 1,
  run: (_payload, context) => sweepBucket({ 'missing-downloads': sweepMissingDownloads }, context),
})

/** Runs one job without the jobs that it enqueues. */
const run = ({ name }: AnyJob, payload: unknown = {}, attempt = 1) =>
  createTaskList(
    testApp.app,
    { ...registry, jobs: [...registry.jobs, findMissingDownloads] },
    new AbortController().signal,
  )[name]?.(payload, { job: { attempts: attempt, max_attempts: 5 } } as never)
const findAgain = () => run(findMissingDownloads)
const runCopy = (trackId: string, attempt = 1) => run(makeDownloadCopy, { trackId }, attempt)
const downloadOf = async (trackId: string) => {
  const { downloadKey, downloadUploadId } = await TrackAudio.findByPk(trackId, { rejectOnEmpty: true })
  return { downloadKey, downloadUploadId }
}
const notAttempted = { downloadKey: null, downloadUploadId: null }
const isThere = async (key: string) => (await testApp.app.storage.head(key)) !== undefined

it('does not fail the upload when it takes too long, and is made later', async () => {
  await makeToolTimeOut('copying')
  const { trackId, id, state } = await uploadFile(testApp, ann, file, { isDownloadable: true })
  expect(state).toBe('ready')
  expect(await downloadOf(trackId)).toEqual(notAttempted)
  expect(await bob.expectProblem(grantDownload, { trackId })).toMatchObject({ code: 'download_not_ready' })
  expect(await copyJobs()).toEqual([{ key: `download:${trackId}`, attempts: 1 }])
  await retryNow()
  expect(await downloadOf(trackId)).toEqual(notAttempted)
  await restoreTool('copying')
  await retryNow()
  expect(await downloadOf(trackId)).toEqual({
    downloadKey: `audio/${trackId}/${id}/download.wav`,
    downloadUploadId: id,
  })
  expect(await copyJobs()).toEqual([])
})

it('is given up when every attempt takes too long, and not started again', async () => {
  const { trackId, id } = await uploadFile(testApp, ann, file)
  await makeToolTimeOut('probing')
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  await testApp.runJobs()
  // One slow attempt is not enough.
  for (let attempt = 1; attempt < 5; attempt += 1) {
    expect(await downloadOf(trackId)).toEqual(notAttempted)
    await retryNow()
  }
  await restoreTool('probing')
  expect(await downloadOf(trackId)).toEqual({ downloadKey: null, downloadUploadId: id })
  expect(await bob.expectProblem(grantDownload, { trackId })).toMatchObject({ code: 'download_unavailable' })
  await findAgain()
  expect(await copyJobs()).toEqual([])
})

it('is given up when the original is missing', async () => {
  const { trackId, id } = await uploadFile(testApp, ann, file)
  await testApp.app.storage.delete(`audio/${trackId}/${id}.wav`)
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  await testApp.runJobs()
  expect(await copyJobs()).toEqual([{ key: `download:${trackId}`, attempts: 1 }])
  for (let attempt = 1; attempt < 5; attempt += 1) await retryNow()
  expect(await downloadOf(trackId)).toEqual({ downloadKey: null, downloadUploadId: id })
  await findAgain()
  expect(await copyJobs()).toEqual([])
})

it('is not given up when the store or the machine caused every failure', async () => {
  const { trackId } = await uploadFile(testApp, ann, file)
  await Track.update({ isDownloadable: true }, { where: { id: trackId } })
  store.isDown = true
  await expect(runCopy(trackId, 5)).rejects.toThrow('The object store does not answer')
  store.isDown = false
  for (const what of ['probing', 'copying'] as const) {
    await makeToolFail(what, 'KILL')
    await expect(runCopy(trackId, 5)).rejects.toThrow('was killed')
    await restoreTool(what)
  }
  expect(await downloadOf(trackId)).toEqual(notAttempted)
})

it('is made again when its object is lost', async () => {
  const { trackId, id } = await uploadFile(testApp, ann, file, { isDownloadable: true })
  const key = `audio/${trackId}/${id}/download.wav`
  await testApp.app.storage.delete(key)
  await run(sweepAudioFiles)
  expect(await downloadOf(trackId)).toEqual(notAttempted)
  expect(await bob.expectProblem(grantDownload, { trackId })).toMatchObject({ code: 'download_not_ready' })
  expect(await copyJobs()).toEqual([{ key: `download:${trackId}`, attempts: 0 }])
  await testApp.runJobs()
  const { url, sizeBytes } = await bob.call(grantDownload, { trackId })
  expect((await (await fetch(url)).arrayBuffer()).byteLength).toBe(sizeBytes)
})

it('is complete when two workers make it concurrently, also when one fails', async () => {
  const { trackId, id } = await uploadFile(testApp, ann, file)
  await Track.update({ isDownloadable: true }, { where: { id: trackId } })
  const stored = { downloadKey: `audio/${trackId}/${id}/download.wav`, downloadUploadId: id }
  let arrived = 0
  let open: () => void = () => undefined
  const bothArrived = new Promise<void>(resolve => (open = resolve))
  store.delay = (method, { pathname }) => {
    if (method !== 'PUT' || !pathname.endsWith(stored.downloadKey)) return undefined
    arrived += 1
    if (arrived === 2) open()
    return bothArrived
  }
  await Promise.all([runCopy(trackId), runCopy(trackId)])
  expect(arrived).toBe(2)
  expect(await downloadOf(trackId)).toEqual(stored)
  expect(await isThere(stored.downloadKey)).toBe(true)

  await TrackAudio.update(notAttempted, { where: { trackId } })
  // While one worker looks for the original, the other makes the copy and the original is deleted.
  const original = `audio/${trackId}/${id}.wav`
  const copyAndRemove = async () => {
    await runCopy(trackId)
    await testApp.app.storage.delete(original)
  }
  store.delay = (method, { pathname }) => {
    if (method !== 'HEAD' || !pathname.endsWith(original)) return undefined
    store.delay = () => undefined
    return copyAndRemove()
  }
  await runCopy(trackId, 5)
  expect(await isThere(original)).toBe(false)
  expect(await downloadOf(trackId)).toEqual(stored)
  expect(await isThere(stored.downloadKey)).toBe(true)
})

it('is processed after uploads that were sent later', async () => {
  const old = await uploadFile(testApp, ann, file)
  await TrackAudio.destroy({ where: { trackId: old.trackId } })
  await findAgain()
  expect(await copyJobs()).toHaveLength(1)
  const { upload: fresh } = await sendFile(ann, file)
  await ann.call(finalizeUpload, { uploadId: fresh.id })
  const fetched = new Set<string>()
  store.delay = (method, { pathname }) => {
    const [key] = /(incoming|audio)\/[^/]+(\/[^/]+\.wav)?$/.exec(pathname) ?? []
    if (method === 'GET' && key !== undefined) fetched.add(key)
    return undefined
  }
  await testApp.runJobs()
  expect([...fetched]).toEqual([`incoming/${fresh.id}`, `audio/${old.trackId}/${old.id}.wav`])
  expect((await TrackAudio.findByPk(old.trackId))?.downloadKey).toMatch(/download\.wav$/)
})

/** Creates ready tracks without a copy. */
async function createTracksWithoutCopy(count: number): Promise<string[]> {
  const ready = await Upload.findOne({ where: { state: 'ready' }, rejectOnEmpty: true })
  const ids = Array.from({ length: count }, () => newId(new Date()))
  await Track.bulkCreate(
    ids.map(id => ({
      ...{ id, ownerId: ann.id, title: 'old', state: 'ready' as const, createdAt: new Date() },
      ...{
        audioKey: `audio/${id}/${id}.mp3`,
        audioVersion: id,
        contentType: 'audio/mpeg',
        durationMs: 1_000,
        visibility: 'public' as const,
      },
    })),
  )
  await Upload.bulkCreate(ids.map(id => ({ ...ready.get(), id, trackId: id, replacesAudio: false })))
  return ids.sort()
}

it('is queued for a limited number of tracks at once, and for more when those are done', async () => {
  await uploadFile(testApp, ann, file)
  const ids = await createTracksWithoutCopy(copyJobsMax + 50)
  const keysOf = (some: string[]) => some.map(id => `download:${id}`)
  const queuedKeys = async () => (await copyJobs()).flatMap(({ key }) => key ?? []).sort()
  await findAgain()
  expect(await queuedKeys()).toEqual(keysOf(ids.slice(0, copyJobsMax)))
  await findAgain()
  expect(await queuedKeys()).toEqual(keysOf(ids.slice(0, copyJobsMax)))
  await sql(
    `select count(*) from graphile_worker.complete_jobs(array(
    select id from graphile_worker.jobs where key in (:done)))`,
    { done: keysOf(ids.slice(0, 20)) },
  )
  await findAgain()
  expect(await queuedKeys()).toEqual(keysOf(ids.slice(20, copyJobsMax + 20)))
})

it('is looked for in a bounded number of tracks at a time', async () => {
  await uploadFile(testApp, ann, file)
  await sql(
    `insert into tracks (id, owner_id, title, visibility, state, created_at)
     select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, :owner, 'x', 'public', 'processing', now()
     from generate_series(1, :count) n returning id`,
    { owner: ann.id, count: pageTracksMax + 500 },
  )
  const [last] = await createTracksWithoutCopy(1)
  const first = await pageMissingDownloads('', { app: testApp.app })
  const hex = pageTracksMax.toString(16).padStart(12, '0')
  expect(first).toEqual({ tracks: [], next: `00000000-0000-7000-8000-${hex}` })
  const second = await pageMissingDownloads(first.next, { app: testApp.app })
  expect(second).toEqual({ tracks: [expect.objectContaining({ id: last, uploadId: last })], next: '' })
})

it('is not queued again while a worker makes it, and superseded jobs are deleted', async () => {
  const { trackId } = await uploadFile(testApp, ann, file)
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  await sql(
    `update graphile_worker._private_jobs set locked_by = 'busy', locked_at = now() - interval '70 minutes', attempts = 1
     where key = :key returning id`,
    { key: `download:${trackId}` },
  )
  await findAgain()
  expect(await copyJobs()).toEqual([{ key: `download:${trackId}`, attempts: 1 }])
  // The artist requests it again: the locked job stays with its worker until that is dead.
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  expect(await copyJobs()).toHaveLength(2)
  await sql(`select graphile_worker.force_unlock_workers(array['busy'])::text`)
  await run(resumeAbandoned)
  expect(await copyJobs()).toEqual([{ key: `download:${trackId}`, attempts: 0 }])
})
