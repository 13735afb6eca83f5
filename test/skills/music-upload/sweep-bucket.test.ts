import { randomUUID } from 'node:crypto'
import { Track, TrackAudio, Upload } from '../../../models'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { orphanAgeMs } from '../../../kernel/platform/bucket-sweep'
import { sweepAudioFiles } from '../../../skills/music-processing/sweep-audio-files'
import { sweepSentFiles } from '../../../skills/music-upload/sweep-sent-files'
import { makeAudio } from '../../make-audio'
import { createOwnBucket } from '../../create-own-bucket'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { initiateLargeUpload, sendParts, sentPartNumbers } from './multipart-uploads'
import { sendFile, uploadFile } from './upload-file'

let testApp: TestApp
let ann: Person
let file: string
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1, variables: await createOwnBucket() })
  ann = await testApp.signIn('ann')
  file = await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3')
})
afterAll(() => testApp[Symbol.asyncDispose]())

const storage = () => testApp.app.storage
const isThere = async (key: string) => (await storage().head(key)) !== undefined
const putObject = async (key: string) => {
  await storage().put(key, Buffer.from('planted'), 'audio/mpeg')
  return key
}
/** Advances the clock so that all existing objects are old for the sweep, and signs in again. */
async function passOrphanAge(): Promise<void> {
  testApp.clock.advance(orphanAgeMs + 1_000)
  ann = await testApp.signIn('ann')
}
const createOrphanKeys = () => [
  `incoming/${randomUUID()}`,
  `audio/${randomUUID()}/${randomUUID()}.mp3`,
  `audio/${randomUUID()}/${randomUUID()}/hls/master.m3u8`,
]

async function sweep(): Promise<void> {
  for (const { name } of [sweepSentFiles, sweepAudioFiles])
    await testApp.app.db.query(`select graphile_worker.add_job(:name, '{}'::json)`, { name })
  await testApp.runJobs()
}

async function countMissing(area: string): Promise<number | undefined> {
  const { values } = await testApp.app.metrics.bucketMissingObjects.get()
  return values.find(({ labels }) => labels.area === area)?.value
}

it('deletes old objects that no row refers to, and nothing else', async () => {
  const orphans = await Promise.all(createOrphanKeys().map(putObject))
  const foreign = await putObject('incoming/notes of a person.txt')
  const { upload: forgotten } = await initiateLargeUpload(ann)
  await sendParts(ann, forgotten.id, [9])
  await Upload.update({ state: 'expired' }, { where: { id: forgotten.id } })
  const ready = await uploadFile(testApp, ann, file)
  const key = (await Track.findByPk(ready.trackId))?.audioKey ?? ''
  const leftover = await putObject(`audio/${ready.trackId}/${randomUUID()}.mp3`)
  const { upload: removed } = await sendFile(ann, Buffer.from('file of an upload that is over'))
  await Upload.update({ state: 'expired' }, { where: { id: removed.id } })

  await sweep()
  for (const orphan of [...orphans, leftover]) expect(await isThere(orphan)).toBe(true)
  await passOrphanAge()
  const waiting = await sendFile(ann, Buffer.from('some bytes'))
  const { upload: parts } = await initiateLargeUpload(ann)
  await sendParts(ann, parts.id, [9])
  await sweep()
  for (const orphan of [...orphans, leftover, `incoming/${removed.id}`]) expect(await isThere(orphan)).toBe(false)
  for (const wanted of [foreign, key, `incoming/${waiting.upload.id}`]) expect(await isThere(wanted)).toBe(true)
  expect(await sentPartNumbers(ann, parts.id)).toEqual([9])
  const { uploads } = await storage().listMultipartUploads('incoming/', undefined, 10)
  expect(uploads.map(({ key }) => key)).toEqual([`incoming/${parts.id}`])
  expect(await countMissing('audio')).toBe(0)
})

it('keeps the objects of an upload in progress, under repeated sweeps', async () => {
  await passOrphanAge()
  const { upload: initiated } = await sendFile(ann, file)
  const stopped = new AbortController()
  const sweeping = (async () => {
    while (!stopped.signal.aborted) await sweep()
  })()
  await ann.call(finalizeUpload, { uploadId: initiated.id })
  for (let state = ''; state !== 'ready';) {
    await testApp.runJobs()
    state = (await ann.call(getUpload, { uploadId: initiated.id })).state
    expect(['uploaded', 'processing', 'ready']).toContain(state)
  }
  stopped.abort()
  await sweeping
  await sweep()
  const { trackId } = await ann.call(getUpload, { uploadId: initiated.id })
  expect(await isThere((await Track.findByPk(trackId ?? ''))?.audioKey ?? '')).toBe(true)
})

it('counts a missing stream of a track', async () => {
  const { trackId } = await uploadFile(testApp, ann, file)
  await storage().delete((await TrackAudio.findByPk(trackId))?.manifestKey ?? '')
  await sweep()
  expect(await countMissing('audio')).toBe(1)
  await Track.update({ deletedAt: new Date(testApp.clock.now()) }, { where: { id: trackId } })
  await sweep()
  expect(await countMissing('audio')).toBe(0)
})

it('deletes old replaced audio whose job was lost, and multipart uploads left by a killed worker', async () => {
  const { trackId } = await uploadFile(testApp, ann, file)
  const replaced = await putObject(`audio/${trackId}/${randomUUID()}.mp3`)
  const present = await Upload.findOne({ where: { trackId }, rejectOnEmpty: true })
  const oldId = randomUUID()
  await Upload.create({ ...present.get(), id: oldId, replacesAudio: true })
  const old = `audio/${trackId}/${oldId}/hls/aac-96.mp4`
  await putObject(old)
  const leftoverKey = `audio/${trackId}/${randomUUID()}/hls/aac-256.mp4`
  await storage().createMultipartUpload(leftoverKey, 'audio/mp4')
  await passOrphanAge()
  await sweep()
  expect(await isThere(replaced)).toBe(false)
  // It may have been replaced recently.
  expect(await isThere(old)).toBe(true)
  const listOpenUploads = async () =>
    (await storage().listMultipartUploads('audio/', undefined, 10)).uploads.map(({ key }) => key)
  expect(await listOpenUploads()).toEqual([])
  testApp.clock.advance(9 * 24 * 60 * 60_000)
  ann = await testApp.signIn('ann')
  await sweep()
  expect(await isThere(old)).toBe(false)
  expect(await isThere((await Track.findByPk(trackId))?.audioKey ?? '')).toBe(true)
})

it('counts missing audio of a track until the track is deleted', async () => {
  const lost = await uploadFile(testApp, ann, file)
  await storage().deletePrefix(`audio/${lost.trackId}/`)
  await sweep()
  expect(await countMissing('audio')).toBe(1)
  await Track.update({ deletedAt: new Date(testApp.clock.now()) }, { where: { id: lost.trackId } })
  await sweep()
  expect(await countMissing('audio')).toBe(0)
})

it('rejects an upload whose file disappeared before a worker took it', async () => {
  const { upload: initiated } = await sendFile(ann, file)
  await ann.call(finalizeUpload, { uploadId: initiated.id })
  await testApp.app.db.query(`select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs`)
  await storage().delete(`incoming/${initiated.id}`)
  await sweep()
  expect(await countMissing('waiting-uploads')).toBe(1)
  await testApp.runJobs()
  const ended = await ann.call(getUpload, { uploadId: initiated.id })
  expect(ended).toMatchObject({ state: 'rejected', error: { code: 'file_mismatch' } })
})

it('continues where the last run stopped', async () => {
  const orphans = await Promise.all([...createOrphanKeys(), `incoming/${randomUUID()}`].map(putObject))
  const incoming = orphans.filter(key => key.startsWith('incoming/')).sort()
  await passOrphanAge()
  await testApp.app.db.query(`update bucket_sweeps set cursor = :cursor where area = 'incoming'`, {
    cursor: incoming[0],
  })
  await sweep()
  expect(await Promise.all(incoming.map(isThere))).toEqual([true, false])
  await sweep()
  expect(await Promise.all(orphans.map(isThere))).toEqual([false, false, false, false])
})
