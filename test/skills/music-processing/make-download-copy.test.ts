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
import { sweepSentFiles } from '../../../skills/music-upload/sweep-sent-files'
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
  const tools = { FFMPEG_PATH: await weak(ffmpeg, 'copying'), FFPROBE_PATH: await weak(ffprobe, 'probing') }
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
  await sql(`delete from bucket_sweeps where area = 'uncopied' returning area`)
})

const sql = <R extends object>(text: string, values: Record<string, unknown> = {}) =>
  testApp.app.db.query<R>(text, values)

/** A tool that dies of a signal as soon as it is to do what a file is named after, as long as there is that file; it names the signal. */
async function weak(tool: string, what: 'copying' | 'probing'): Promise<string> {
  const path = join(folder, `${what}-tool`)
  const isMeant = what === 'copying' ? 'case "$*" in *-map_metadata*/download.*) true;; *) false;; esac' : 'true'
  const die = `read -r signal < ${join(folder, what)}; kill -s "$signal" $$`
  await writeFile(
    path,
    `#!/bin/sh\nif [ -e ${join(folder, what)} ] && ${isMeant}; then ${die}; fi\nexec ${tool} "$@"\n`,
  )
  await chmod(path, 0o755)
  return path
}
const fail = (what: 'copying' | 'probing', signal: string) => writeFile(join(folder, what), `${signal}\n`)
/** As when its time is used up. */
const beLate = (what: 'copying' | 'probing') => fail(what, 'XCPU')
const beFine = (what: 'copying' | 'probing') => rm(join(folder, what))

const copies = () =>
  sql<{ key: string | null; attempts: number }>(
    `select key, attempts from graphile_worker.jobs where task_identifier = :name order by id`,
    { name: makeDownloadCopy.name },
  )
/** The copy that waits for its next attempt, as it does a moment after one has failed, is tried again now. */
async function tryAgain(): Promise<void> {
  const due = `update graphile_worker._private_jobs set run_at = now()
    where key like 'download:%' and locked_at is null and run_at > now() returning id`
  await waitUntil(async () => (await sql(due)).length > 0)
  await testApp.runJobs()
}

/** A part of the hourly sweep, without the time that the others take. */
const lookForUncopied = job({
  name: 'test.lookForUncopied',
  payload: emptyObject,
  attemptsMax: 1,
  run: (_payload, context) => sweepBucket({ uncopied: sweepMissingDownloads }, context),
})

/** One job by itself, and nothing that it asks for. */
const run = ({ name }: AnyJob, payload: unknown = {}, attempt = 1) =>
  createTaskList(testApp.app, { ...registry, jobs: [...registry.jobs, lookForUncopied] }, new AbortController().signal)[
    name
  ]?.(payload, { job: { attempts: attempt, max_attempts: 5 } } as never)
const lookAgain = () => run(lookForUncopied)
const runCopy = (trackId: string, attempt = 1) => run(makeDownloadCopy, { trackId }, attempt)
const downloadOf = async (trackId: string) => {
  const { downloadKey, downloadUploadId } = await TrackAudio.findByPk(trackId, { rejectOnEmpty: true })
  return { downloadKey, downloadUploadId }
}
const nobodyTried = { downloadKey: null, downloadUploadId: null }
const isThere = async (key: string) => (await testApp.app.storage.head(key)) !== undefined

it('does not fail the upload when it takes too long: it is made later', async () => {
  await beLate('copying')
  const { trackId, id, state } = await uploadFile(testApp, ann, file, { isDownloadable: true })
  expect(state).toBe('ready')
  expect(await downloadOf(trackId)).toEqual(nobodyTried)
  expect(await bob.expectProblem(grantDownload, { trackId })).toMatchObject({ code: 'download_not_ready' })
  expect(await copies()).toEqual([{ key: `download:${trackId}`, attempts: 1 }])
  await tryAgain()
  expect(await downloadOf(trackId)).toEqual(nobodyTried)
  await beFine('copying')
  await tryAgain()
  expect(await downloadOf(trackId)).toEqual({
    downloadKey: `audio/${trackId}/${id}/download.wav`,
    downloadUploadId: id,
  })
  expect(await copies()).toEqual([])
})

it('is given up when it takes too long each time, and not begun anew', async () => {
  const { trackId, id } = await uploadFile(testApp, ann, file)
  await beLate('probing')
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  await testApp.runJobs()
  // That it was slow once says nothing.
  for (let attempt = 1; attempt < 5; attempt += 1) {
    expect(await downloadOf(trackId)).toEqual(nobodyTried)
    await tryAgain()
  }
  await beFine('probing')
  expect(await downloadOf(trackId)).toEqual({ downloadKey: null, downloadUploadId: id })
  expect(await bob.expectProblem(grantDownload, { trackId })).toMatchObject({ code: 'download_unavailable' })
  await lookAgain()
  expect(await copies()).toEqual([])
})

it('is given up when there is nothing to copy from', async () => {
  const { trackId, id } = await uploadFile(testApp, ann, file)
  await testApp.app.storage.delete(`audio/${trackId}/${id}.wav`)
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  await testApp.runJobs()
  expect(await copies()).toEqual([{ key: `download:${trackId}`, attempts: 1 }])
  for (let attempt = 1; attempt < 5; attempt += 1) await tryAgain()
  expect(await downloadOf(trackId)).toEqual({ downloadKey: null, downloadUploadId: id })
  await lookAgain()
  expect(await copies()).toEqual([])
})

it('is not given up when it was the store or the machine each time', async () => {
  const { trackId } = await uploadFile(testApp, ann, file)
  await Track.update({ isDownloadable: true }, { where: { id: trackId } })
  store.isDown = true
  await expect(runCopy(trackId, 5)).rejects.toThrow('The object store does not answer')
  store.isDown = false
  for (const what of ['probing', 'copying'] as const) {
    await fail(what, 'KILL')
    await expect(runCopy(trackId, 5)).rejects.toThrow('was killed')
    await beFine(what)
  }
  expect(await downloadOf(trackId)).toEqual(nobodyTried)
})

it('is made again when it was lost', async () => {
  const { trackId, id } = await uploadFile(testApp, ann, file, { isDownloadable: true })
  const key = `audio/${trackId}/${id}/download.wav`
  await testApp.app.storage.delete(key)
  await run(sweepSentFiles)
  expect(await downloadOf(trackId)).toEqual(nobodyTried)
  expect(await bob.expectProblem(grantDownload, { trackId })).toMatchObject({ code: 'download_not_ready' })
  expect(await copies()).toEqual([{ key: `download:${trackId}`, attempts: 0 }])
  await testApp.runJobs()
  const { url, sizeBytes } = await bob.call(grantDownload, { trackId })
  expect((await (await fetch(url)).arrayBuffer()).byteLength).toBe(sizeBytes)
})

it('is there whole when two make it at once, also when the other one fails', async () => {
  const { trackId, id } = await uploadFile(testApp, ann, file)
  await Track.update({ isDownloadable: true }, { where: { id: trackId } })
  const kept = { downloadKey: `audio/${trackId}/${id}/download.wav`, downloadUploadId: id }
  let arrived = 0
  let open: () => void = () => undefined
  const both = new Promise<void>(resolve => (open = resolve))
  store.delay = (method, { pathname }) => {
    if (method !== 'PUT' || !pathname.endsWith(kept.downloadKey)) return undefined
    arrived += 1
    if (arrived === 2) open()
    return both
  }
  await Promise.all([runCopy(trackId), runCopy(trackId)])
  expect(arrived).toBe(2)
  expect(await downloadOf(trackId)).toEqual(kept)
  expect(await isThere(kept.downloadKey)).toBe(true)

  await TrackAudio.update(nobodyTried, { where: { trackId } })
  // While one looks for the file the other makes the copy; then the file is gone.
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
  expect(await downloadOf(trackId)).toEqual(kept)
  expect(await isThere(kept.downloadKey)).toBe(true)
})

it('comes behind an upload that was sent after it was asked for', async () => {
  const old = await uploadFile(testApp, ann, file)
  await TrackAudio.destroy({ where: { trackId: old.trackId } })
  await lookAgain()
  expect(await copies()).toHaveLength(1)
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

/** Tracks that are ready and have no copy. */
async function oldTracks(count: number): Promise<string[]> {
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

it('is asked for of few tracks at once, and of the others when those have theirs', async () => {
  await uploadFile(testApp, ann, file)
  const ids = await oldTracks(copyJobsMax + 50)
  const keysOf = (some: string[]) => some.map(id => `download:${id}`)
  const asked = async () => (await copies()).flatMap(({ key }) => key ?? []).sort()
  await lookAgain()
  expect(await asked()).toEqual(keysOf(ids.slice(0, copyJobsMax)))
  await lookAgain()
  expect(await asked()).toEqual(keysOf(ids.slice(0, copyJobsMax)))
  await sql(
    `select count(*) from graphile_worker.complete_jobs(array(
    select id from graphile_worker.jobs where key in (:done)))`,
    { done: keysOf(ids.slice(0, 20)) },
  )
  await lookAgain()
  expect(await asked()).toEqual(keysOf(ids.slice(20, copyJobsMax + 20)))
})

it('is looked for in a bounded number of tracks at a time, however few lack it', async () => {
  await uploadFile(testApp, ann, file)
  await sql(
    `insert into tracks (id, owner_id, title, visibility, state, created_at)
     select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, :owner, 'x', 'public', 'processing', now()
     from generate_series(1, :count) n returning id`,
    { owner: ann.id, count: pageTracksMax + 500 },
  )
  const [last] = await oldTracks(1)
  const first = await pageMissingDownloads('', { app: testApp.app })
  const hex = pageTracksMax.toString(16).padStart(12, '0')
  expect(first).toEqual({ tracks: [], next: `00000000-0000-7000-8000-${hex}` })
  const second = await pageMissingDownloads(first.next, { app: testApp.app })
  expect(second).toEqual({ tracks: [expect.objectContaining({ id: last, uploadId: last })], next: '' })
})

it('is not asked for anew while a worker is at it, and what was superseded does not stay in the queue', async () => {
  const { trackId } = await uploadFile(testApp, ann, file)
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  await sql(
    `update graphile_worker._private_jobs set locked_by = 'busy', locked_at = now() - interval '70 minutes', attempts = 1
     where key = :key returning id`,
    { key: `download:${trackId}` },
  )
  await lookAgain()
  expect(await copies()).toEqual([{ key: `download:${trackId}`, attempts: 1 }])
  // Its artist may ask again: then its worker's row is left to that worker, and to nobody when it is dead.
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  expect(await copies()).toHaveLength(2)
  await sql(`select graphile_worker.force_unlock_workers(array['busy'])::text`)
  await run(resumeAbandoned)
  expect(await copies()).toEqual([{ key: `download:${trackId}`, attempts: 0 }])
})
