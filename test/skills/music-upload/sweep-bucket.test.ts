import { randomUUID } from 'node:crypto'
import { Track, TrackAudio, Upload } from '../../../models'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { orphanAgeMs } from '../../../kernel/platform/bucket-sweep'
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
const plant = async (key: string) => {
  await storage().put(key, Buffer.from('planted'), 'audio/mpeg')
  return key
}
/** Everything that is in the bucket is old from now on, for the sweep; so is every token. */
async function growOld(): Promise<void> {
  testApp.clock.advance(orphanAgeMs + 1_000)
  ann = await testApp.signIn('ann')
}
const orphansOf = () => [
  `incoming/${randomUUID()}`,
  `audio/${randomUUID()}/${randomUUID()}.mp3`,
  `audio/${randomUUID()}/${randomUUID()}/hls/master.m3u8`,
]

async function sweep(): Promise<void> {
  await testApp.app.db.query(`select graphile_worker.add_job(:name, '{}'::json)`, { name: sweepSentFiles.name })
  await testApp.runJobs()
}

async function missing(area: string): Promise<number | undefined> {
  const { values } = await testApp.app.metrics.bucketMissingObjects.get()
  return values.find(({ labels }) => labels.area === area)?.value
}

it('removes what no row wants once it is old, and nothing else', async () => {
  const orphans = await Promise.all(orphansOf().map(plant))
  const foreign = await plant('incoming/notes of a person.txt')
  const { upload: forgotten } = await initiateLargeUpload(ann)
  await sendParts(ann, forgotten.id, [9])
  await Upload.update({ state: 'expired' }, { where: { id: forgotten.id } })
  const ready = await uploadFile(testApp, ann, file)
  const key = (await Track.findByPk(ready.trackId))?.audioKey ?? ''
  const leftOfAttempt = await plant(`audio/${ready.trackId}/${randomUUID()}.mp3`)
  const { upload: removed } = await sendFile(ann, Buffer.from('file of an upload that is over'))
  await Upload.update({ state: 'expired' }, { where: { id: removed.id } })

  await sweep()
  for (const orphan of [...orphans, leftOfAttempt]) expect(await isThere(orphan)).toBe(true)
  await growOld()
  const waiting = await sendFile(ann, Buffer.from('some bytes'))
  const { upload: parts } = await initiateLargeUpload(ann)
  await sendParts(ann, parts.id, [9])
  await sweep()
  for (const orphan of [...orphans, leftOfAttempt, `incoming/${removed.id}`]) expect(await isThere(orphan)).toBe(false)
  for (const wanted of [foreign, key, `incoming/${waiting.upload.id}`]) expect(await isThere(wanted)).toBe(true)
  expect(await sentPartNumbers(ann, parts.id)).toEqual([9])
  const { uploads } = await storage().listMultipartUploads('incoming/', undefined, 10)
  expect(uploads.map(({ key }) => key)).toEqual([`incoming/${parts.id}`])
  expect(await missing('audio')).toBe(0)
})

it('leaves an upload alone that is on its way, however old it seems to be and however often it looks', async () => {
  await growOld()
  const { upload: begun } = await sendFile(ann, file)
  const over = new AbortController()
  const looking = (async () => {
    while (!over.signal.aborted) await sweep()
  })()
  await ann.call(finalizeUpload, { uploadId: begun.id })
  for (let state = ''; state !== 'ready';) {
    await testApp.runJobs()
    state = (await ann.call(getUpload, { uploadId: begun.id })).state
    expect(['uploaded', 'processing', 'ready']).toContain(state)
  }
  over.abort()
  await looking
  await sweep()
  const { trackId } = await ann.call(getUpload, { uploadId: begun.id })
  expect(await isThere((await Track.findByPk(trackId ?? ''))?.audioKey ?? '')).toBe(true)
})

it('reports a stream that a track has lost', async () => {
  const { trackId } = await uploadFile(testApp, ann, file)
  await storage().delete((await TrackAudio.findByPk(trackId))?.manifestKey ?? '')
  await sweep()
  expect(await missing('audio')).toBe(1)
  await Track.update({ deletedAt: new Date(testApp.clock.now()) }, { where: { id: trackId } })
  await sweep()
  expect(await missing('audio')).toBe(0)
})

it('removes replaced audio whose own removal was lost, and parts that a killed worker left, once they are old', async () => {
  const { trackId } = await uploadFile(testApp, ann, file)
  const replaced = await plant(`audio/${trackId}/${randomUUID()}.mp3`)
  const present = await Upload.findOne({ where: { trackId }, rejectOnEmpty: true })
  const oldId = randomUUID()
  await Upload.create({ ...present.get(), id: oldId, replacesAudio: true })
  const old = `audio/${trackId}/${oldId}/hls/aac-96.mp4`
  await plant(old)
  const left = `audio/${trackId}/${randomUUID()}/hls/aac-256.mp4`
  await storage().createMultipartUpload(left, 'audio/mp4')
  await growOld()
  await sweep()
  expect(await isThere(replaced)).toBe(false)
  // It may have been replaced a moment ago.
  expect(await isThere(old)).toBe(true)
  const open = async () => (await storage().listMultipartUploads('audio/', undefined, 10)).uploads.map(({ key }) => key)
  expect(await open()).toEqual([])
  testApp.clock.advance(9 * 24 * 60 * 60_000)
  ann = await testApp.signIn('ann')
  await sweep()
  expect(await isThere(old)).toBe(false)
  expect(await isThere((await Track.findByPk(trackId))?.audioKey ?? '')).toBe(true)
})

it('reports the audio that a track has lost, and stops when its track is gone', async () => {
  const lost = await uploadFile(testApp, ann, file)
  await storage().deletePrefix(`audio/${lost.trackId}/`)
  await sweep()
  expect(await missing('audio')).toBe(1)
  await Track.update({ deletedAt: new Date(testApp.clock.now()) }, { where: { id: lost.trackId } })
  await sweep()
  expect(await missing('audio')).toBe(0)
})

it('tells the artist when the file of an upload vanished before a worker came', async () => {
  const { upload: begun } = await sendFile(ann, file)
  await ann.call(finalizeUpload, { uploadId: begun.id })
  await testApp.app.db.query(`select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs`)
  await storage().delete(`incoming/${begun.id}`)
  await sweep()
  expect(await missing('uploaded')).toBe(1)
  await testApp.runJobs()
  const ended = await ann.call(getUpload, { uploadId: begun.id })
  expect(ended).toMatchObject({ state: 'rejected', error: { code: 'file_changed' } })
})

it('goes on where the last run stopped', async () => {
  const orphans = await Promise.all([...orphansOf(), `incoming/${randomUUID()}`].map(plant))
  const incoming = orphans.filter(key => key.startsWith('incoming/')).sort()
  await growOld()
  await testApp.app.db.query(`update bucket_sweeps set cursor = :cursor where area = 'incoming'`, {
    cursor: incoming[0],
  })
  await sweep()
  expect(await Promise.all(incoming.map(isThere))).toEqual([true, false])
  await sweep()
  expect(await Promise.all(orphans.map(isThere))).toEqual([false, false, false, false])
})
