import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Track, TrackAudio } from '../../../models'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { replaceAudio } from '../../../skills/music-upload/replace-audio'
import { sweepAudioFiles } from '../../../skills/music-processing/sweep-audio-files'
import { updateTrack } from '../../../skills/tracks/update-track'
import { orphanAgeMs } from '../../../kernel/platform/bucket-sweep'
import { getAudioDetails } from '../../../skills/tracks/get-audio-details'
import { grantDownload } from '../../../skills/streaming/grant-download'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeAudio } from '../../make-audio'
import { createOwnBucket } from '../../create-own-bucket'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { concatenatedFile, findPersonalData, makeTaggedFile } from '../../media/audio/personal-tags'
import { uploadInput, putBytes, uploadFile } from '../music-upload/upload-file'
import { type FaultInjectingStore, startFaultInjectingStore } from '../music-upload/fault-injecting-store'

let testApp: TestApp
let store: FaultInjectingStore
let ann: Person
let bob: Person
let folder: string
beforeAll(async () => {
  // The edge serves the bucket of all tests, but the sweep needs a bucket of its own.
  const noEdge = { CLOUDFRONT_DOMAIN: '', CLOUDFRONT_KEY_PAIR_ID: '', CLOUDFRONT_PRIVATE_KEY: '' }
  store = await startFaultInjectingStore()
  testApp = await createTestApp({ variables: { ...(await createOwnBucket()), ...noEdge, S3_ENDPOINT: store.endpoint } })
  await signInPeople()
  folder = await mkdtemp(join(tmpdir(), 'tutti-download-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

async function signInPeople(): Promise<void> {
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
}

const isThere = async (key: string) => (await testApp.app.storage.head(key)) !== undefined
const bytesOf = async (url: string) => Buffer.from(await (await fetch(url)).arrayBuffer())
const downloadOf = async (person: Person, trackId: string) => {
  const { url, ...download } = await person.call(grantDownload, { trackId })
  return { ...download, bytes: await bytesOf(url) }
}
const downloadCopyState = async (trackId: string) =>
  (await ann.call(getAudioDetails, { trackId })).ownerDetails?.downloadCopy
const downloadKeyOf = async (trackId: string) => (await TrackAudio.findByPk(trackId))?.downloadKey ?? null

async function sweep(): Promise<number | undefined> {
  await testApp.app.db.query(`select graphile_worker.add_job(:name, '{}'::json)`, { name: sweepAudioFiles.name })
  await testApp.runJobs()
  const { values } = await testApp.app.metrics.bucketMissingObjects.get()
  return values.find(({ labels }) => labels.area === 'audio')?.value
}

async function replaceWith(trackId: string, file: string): Promise<string> {
  const bytes = await readFile(file)
  const { upload, putRequest } = await ann.call(replaceAudio, { trackId, ...uploadInput(bytes) })
  await putBytes(putRequest, bytes)
  await ann.call(finalizeUpload, { uploadId: upload.id })
  await testApp.runJobs()
  return upload.id
}

async function hashSamples(bytes: Buffer): Promise<string> {
  const path = join(folder, randomUUID())
  await writeFile(path, bytes)
  const args = ['-v', 'error', '-nostdin', '-i', path, '-map', '0:a:0', '-f', 'hash', 'pipe:1']
  return (await promisify(execFile)(testApp.app.config.tools.ffmpeg, args)).stdout
}

it.each(['mp3', 'm4a', 'flac', 'wav'])('removes the tags of a %s, for everybody except its artist', async kind => {
  const file = await readFile(await makeTaggedFile(kind, folder))
  const { trackId, id } = await uploadFile(testApp, ann, file, { isDownloadable: true, title: 'Mine' })
  const original = await downloadOf(ann, trackId)
  expect(original.bytes.equals(file)).toBe(true)
  const copy = await downloadOf(bob, trackId)
  expect(copy).toMatchObject({
    ...{ fileName: `Mine.${kind}`, contentType: original.contentType, sizeBytes: copy.bytes.length },
  })
  expect(findPersonalData(copy.bytes)).toEqual([])
  expect(await hashSamples(copy.bytes)).toBe(await hashSamples(file))
  expect(await downloadKeyOf(trackId)).toBe(`audio/${trackId}/${id}/download.${kind}`)
  const stored = await testApp.app.storage.head(`audio/${trackId}/${id}/download.${kind}`)
  expect(stored?.contentType).toBe(original.contentType)
  const { hls, progressive } = await bob.call(grantStream, { trackId })
  for (const url of [hls?.url ?? '', progressive.url]) expect(findPersonalData(await bytesOf(url))).toEqual([])
})

it('is made when the artist allows downloads, not before', async () => {
  const file = await makeTaggedFile('mp3', folder)
  const { trackId } = await uploadFile(testApp, ann, file)
  expect(await downloadKeyOf(trackId)).toBeNull()
  expect(await downloadCopyState(trackId)).toBe('none')
  await Promise.all(
    Array.from({ length: 5 }, () => ann.call(updateTrack, { trackId, isDownloadable: true }, { transport: 'socket' })),
  )
  expect(await bob.expectProblem(grantDownload, { trackId })).toMatchObject({ code: 'download_not_ready', status: 409 })
  await testApp.runJobs()
  const { bytes } = await downloadOf(bob, trackId)
  expect(findPersonalData(bytes)).toEqual([])
  expect(await downloadCopyState(trackId)).toBe('ready')
  expect((await bob.call(getAudioDetails, { trackId })).ownerDetails).toBeUndefined()
  // Allowing downloads again does not make the copy again.
  await TrackAudio.update({ downloadBytes: 1 }, { where: { trackId } })
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  await testApp.runJobs()
  expect(await bob.call(grantDownload, { trackId })).toMatchObject({ sizeBytes: 1 })
})

it('is made when the artist allows downloads while the file is processed', async () => {
  const bytes = await readFile(await makeAudio(testApp.app.config.tools.ffmpeg, 'opus'))
  const { trackId } = await uploadFile(testApp, ann, bytes)
  const { upload: fresh, putRequest } = await ann.call(replaceAudio, { trackId, ...uploadInput(bytes) })
  await putBytes(putRequest, bytes)
  // Right before the end of processing, after isDownloadable was read.
  await testApp.app.db.query(`create function allow() returns trigger language plpgsql as
    $$ begin update tracks set is_downloadable = true where id = new.track_id; return new; end $$`)
  await testApp.app.db.query(`create trigger allow before update on uploads for each row
    when (new.step = 'storing' and new.id = '${fresh.id}') execute function allow()`)
  await ann.call(finalizeUpload, { uploadId: fresh.id })
  await testApp.runJobs()
  await testApp.app.db.query('drop function allow cascade')
  expect((await downloadOf(bob, trackId)).fileName).toMatch(/\.ogg$/)
})

it('is made by the hourly sweep where it is missing, with or without renditions', async () => {
  const file = await makeTaggedFile('mp3', folder)
  const [one, two] = [
    await uploadFile(testApp, ann, file, { isDownloadable: true }),
    await uploadFile(testApp, ann, file, { isDownloadable: true }),
  ]
  const none = { downloadKey: null, downloadBytes: null, downloadUploadId: null }
  await TrackAudio.update(none, { where: { trackId: one.trackId } })
  // Without renditions the copy itself is streamed.
  await TrackAudio.destroy({ where: { trackId: two.trackId } })
  for (const { trackId } of [one, two])
    expect(await bob.expectProblem(grantDownload, { trackId })).toMatchObject({ code: 'download_not_ready' })
  await sweep()
  for (const { trackId } of [one, two]) expect(findPersonalData((await downloadOf(bob, trackId)).bytes)).toEqual([])
  expect(findPersonalData(await bytesOf((await bob.call(grantStream, { trackId: two.trackId })).url))).toEqual([])
})

it('is refused and not retried when the tags cannot be removed; the artist still gets the original', async () => {
  const file = await concatenatedFile('ogg', folder)
  const { trackId, id, state } = await uploadFile(testApp, ann, file, { isDownloadable: true })
  expect(state).toBe('ready')
  expect(await bob.expectProblem(grantDownload, { trackId })).toMatchObject({
    code: 'download_unavailable',
    status: 409,
  })
  expect((await downloadOf(ann, trackId)).bytes.equals(await readFile(file))).toBe(true)
  expect(await TrackAudio.findByPk(trackId)).toMatchObject({ downloadKey: null, downloadUploadId: id })
  expect(await downloadCopyState(trackId)).toBe('impossible')
  const before = await testApp.app.db.query<{ count: string }>('select count(*) from graphile_worker.jobs')
  await sweep()
  expect(await testApp.app.db.query('select count(*) from graphile_worker.jobs')).toEqual(before)
})

it('follows its track: replaced, deleted, counted when missing, and kept by the sweep', async () => {
  const { ffmpeg } = testApp.app.config.tools
  const { trackId } = await uploadFile(testApp, ann, await makeTaggedFile('mp3', folder), { isDownloadable: true })
  const first = (await downloadKeyOf(trackId)) ?? ''
  const grantedBefore = await bob.call(grantDownload, { trackId })
  const uploadId = await replaceWith(trackId, await makeAudio(ffmpeg, 'wav', { tags: { comment: 'PLANTED' } }))
  const second = (await downloadKeyOf(trackId)) ?? ''
  expect(second).toBe(`audio/${trackId}/${uploadId}/download.wav`)
  expect(findPersonalData((await downloadOf(bob, trackId)).bytes)).toEqual([])
  // A grant issued before stays valid for a while.
  expect((await bytesOf(grantedBefore.url)).length).toBe(grantedBefore.sizeBytes)

  testApp.clock.advance(orphanAgeMs + 1_000)
  await signInPeople()
  expect(await sweep()).toBe(0)
  expect(await isThere(second)).toBe(true)
  await testApp.app.db.query('update graphile_worker._private_jobs set run_at = now() returning 1 as done')
  await testApp.runJobs()
  expect([await isThere(first), await isThere(second)]).toEqual([false, true])

  await testApp.app.storage.delete(second)
  expect(await sweep()).toBe(1)
  await testApp.app.storage.put(second, Buffer.from('again'), 'audio/wav')
  expect(await sweep()).toBe(0)

  await ann.call(deleteTrack, { trackId })
  await testApp.runJobs()
  expect(await isThere(second)).toBe(false)
  expect(await bob.expectProblem(grantDownload, { trackId })).toMatchObject({ code: 'not_found' })
})

it('leaves no copy of a track that is deleted while its copy is made', async () => {
  const file = await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3')
  const { trackId, id } = await uploadFile(testApp, ann, file)
  const copy = `audio/${trackId}/${id}/download.mp3`
  let stored = 0
  store.delay = (method, { pathname }) => {
    if (method !== 'PUT' || !pathname.endsWith(copy)) return undefined
    stored += 1
    return Track.update({ deletedAt: new Date(testApp.clock.now()) }, { where: { id: trackId } })
  }
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  await testApp.runJobs()
  expect(stored).toBe(1)
  expect(await isThere(copy)).toBe(false)
  expect(await downloadKeyOf(trackId)).toBeNull()
})
