import { randomUUID } from 'node:crypto'
import { type JobContext } from '../../../kernel/events/job'
import { transact } from '../../../kernel/pipeline/transact'
import { Track, Upload, Waveform } from '../../../models'
import { registry } from '../../../skills'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { expireUploads } from '../../../skills/music-upload/expire-uploads'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { processUpload } from '../../../skills/music-processing/process-upload'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { updateTrack } from '../../../skills/tracks/update-track'
import { getTrack } from '../../../skills/tracks/get-track'
import { makeAudio } from '../../make-audio'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { uploadInput, putBytes, sendFile } from '../music-upload/upload-file'
import { type UnreliableStore, startUnreliableStore } from '../music-upload/unreliable-store'

let testApp: TestApp
let store: UnreliableStore
let file: string
let ann: Person
beforeAll(async () => {
  store = await startUnreliableStore()
  testApp = await createTestApp({ variables: { S3_ENDPOINT: store.endpoint } })
  file = await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3', { tags: { title: 'Of the tags' } })
  ann = await testApp.signIn('ann')
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

async function createFinalizedUpload() {
  const { upload } = await sendFile(ann, file)
  const { trackId } = await ann.call(finalizeUpload, { uploadId: upload.id })
  if (trackId === null) throw new Error('a finalized upload has a track')
  return { uploadId: upload.id, trackId }
}

/** A worker's context that calls `interrupt` before the given transaction, counted from 1. */
function contextWith(
  before: number,
  interrupt: () => Promise<unknown>,
  signal = new AbortController().signal,
): JobContext {
  let count = 0
  return {
    app: testApp.app,
    attempt: 1,
    isLastAttempt: false,
    signal,
    async transact(work) {
      count += 1
      if (count === before) await interrupt()
      return transact({ app: testApp.app, registry, actor: null, requestId: randomUUID() }, work)
    },
  }
}

/** Makes the next attempt due now. */
const makeJobsDue = (attempts = '') =>
  testApp.app.db.query(`update graphile_worker._private_jobs set run_at = now() ${attempts} returning 1 as done`)

const headAudio = (trackId: string, uploadId: string) => testApp.app.storage.head(`audio/${trackId}/${uploadId}.mp3`)

it('has the same result when it runs twice', async () => {
  const { uploadId, trackId } = await createFinalizedUpload()
  await processUpload.run(
    { uploadId },
    contextWith(0, async () => undefined),
  )
  const ready = await ann.call(getTrack, { trackId })
  await testApp.runJobs()
  await processUpload.run(
    { uploadId },
    contextWith(0, async () => undefined),
  )
  expect(await ann.call(getTrack, { trackId })).toEqual(ready)
  expect(await Waveform.count({ where: { trackId } })).toBe(1)
})

// The transactions of a run: begin, probing, waveform, storing, finish.
it.each([2, 3, 4, 5])('yields to a deletion of the track before transaction %i, and leaves no objects', async step => {
  const { uploadId, trackId } = await createFinalizedUpload()
  const remove = () => ann.call(deleteTrack, { trackId })
  await processUpload.run({ uploadId }, contextWith(step, remove))
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'aborted', step: null })
  expect(await ann.expectProblem(getTrack, { trackId })).toMatchObject({ code: 'not_found' })
  await testApp.runJobs()
  expect(await headAudio(trackId, uploadId)).toBeUndefined()
  expect(await testApp.app.storage.head(`incoming/${uploadId}`)).toBeUndefined()
})

it('yields to an abort, and leaves no objects', async () => {
  const { uploadId, trackId } = await createFinalizedUpload()
  await processUpload.run(
    { uploadId },
    contextWith(5, () => ann.call(abortUpload, { uploadId })),
  )
  await testApp.runJobs()
  expect(await headAudio(trackId, uploadId)).toBeUndefined()
  expect((await Track.findByPk(trackId))?.deletedAt).not.toBeNull()
})

it('keeps a title that the artist changes while it runs', async () => {
  const { uploadId, trackId } = await createFinalizedUpload()
  const rename = () => ann.call(updateTrack, { trackId, title: 'Typed meanwhile' })
  await processUpload.run({ uploadId }, contextWith(4, rename))
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'ready', title: 'Typed meanwhile' })
})

it('retries when the store was unavailable, and is ready then', async () => {
  const { uploadId, trackId } = await createFinalizedUpload()
  store.isDown = true
  await testApp.runJobs()
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'processing', error: null })
  store.isDown = false
  await makeJobsDue()
  await testApp.runJobs()
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'ready' })
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'ready', title: 'Of the tags' })
})

it('ends as failed after the last attempt, with a server error', async () => {
  const { uploadId, trackId } = await createFinalizedUpload()
  const recorder = await ann.recordEvents(`user:${ann.id}`)
  store.isDown = true
  await makeJobsDue(', attempts = max_attempts - 1')
  await testApp.runJobs()
  store.isDown = false
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({
    state: 'failed',
    step: null,
    error: { code: 'processing_failed' },
  })
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'failed' })
  await recorder.waitFor('music-upload.uploadChanged', ({ upload }) => (upload as { state: string }).state === 'failed')
  await makeJobsDue()
  await testApp.runJobs()
  // The file is kept for a retry.
  expect(await testApp.app.storage.head(`incoming/${uploadId}`)).toBeDefined()
})

it('leaves the job to another worker when it stops', async () => {
  const { uploadId } = await createFinalizedUpload()
  const stopping = new AbortController()
  await processUpload.run(
    { uploadId },
    contextWith(3, async () => stopping.abort(), stopping.signal),
  )
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'processing' })
  await testApp.runJobs()
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'ready' })
})

it('expires uploads that were not finalized, and deletes their files', async () => {
  const { upload } = await sendFile(ann, file)
  const { upload: other } = await ann.call(initiateUpload, uploadInput(Buffer.from('x')))
  const isExpired = (data: Record<string, unknown>) => (data.upload as Upload).state === 'expired'
  testApp.clock.advance(25 * 60 * 60_000)
  // Signs in again, because the token has expired.
  const recorder = await (await testApp.signIn('ann')).recordEvents(`user:${ann.id}`)
  await expireUploads.run(
    {},
    contextWith(0, async () => undefined),
  )
  await expireUploads.run(
    {},
    contextWith(0, async () => undefined),
  )
  await testApp.runJobs()
  for (const { id } of [upload, other]) {
    await recorder.waitFor('music-upload.uploadChanged', data => isExpired(data) && (data.upload as Upload).id === id)
    expect((await Upload.findByPk(id))?.state).toBe('expired')
  }
  expect(recorder.events.filter(({ data }) => isExpired(data))).toHaveLength(2)
  expect(await testApp.app.storage.head(`incoming/${upload.id}`)).toBeUndefined()
})

it('deletes a file that is sent again after its upload was aborted', async () => {
  const late = await testApp.signIn('late')
  const bytes = Buffer.from('again and again')
  const { upload, putRequest } = await sendFile(late, bytes)
  await late.call(abortUpload, { uploadId: upload.id })
  await testApp.runJobs()
  expect(await putBytes(putRequest, bytes)).toBe(200)
  await makeJobsDue()
  await testApp.runJobs()
  expect(await testApp.app.storage.head(`incoming/${upload.id}`)).toBeUndefined()
})
