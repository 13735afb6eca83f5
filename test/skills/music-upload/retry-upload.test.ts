import { randomUUID } from 'node:crypto'
import { type JobContext } from '../../../kernel/events/job'
import { transact } from '../../../kernel/pipeline/transact'
import { registry } from '../../../skills'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { expireUploads } from '../../../skills/music-upload/expire-uploads'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { startProcessing, failProcessing } from '../../../skills/music-processing/processing-states'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { retryUpload } from '../../../skills/music-upload/retry-upload'
import { getTrack } from '../../../skills/tracks/get-track'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeAudio } from '../../make-audio'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { uploadInput, sendFile, uploadFile } from './upload-file'

let testApp: TestApp
let file: string
let ann: Person
let bob: Person
beforeAll(async () => {
  testApp = await createTestApp()
  file = await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3')
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
})
afterAll(() => testApp[Symbol.asyncDispose]())

const transactAsJob: JobContext['transact'] = work =>
  transact({ app: testApp.app, registry, actor: null, requestId: randomUUID() }, work)

const createJobContext = (): JobContext => ({
  ...{ app: testApp.app, attempt: 1, isLastAttempt: false, transact: transactAsJob },
  signal: new AbortController().signal,
})

const dayMs = 24 * 60 * 60_000

/** An upload whose processing failed for a server error. */
async function createFailedUpload() {
  const { upload } = await sendFile(ann, file)
  const { trackId } = await ann.call(finalizeUpload, { uploadId: upload.id })
  if (trackId === null) throw new Error('a finalized upload has a track')
  await transactAsJob(context => startProcessing(upload.id, randomUUID(), context))
  await transactAsJob(context =>
    failProcessing(upload.id, 'failed', { code: 'processing_failed', message: 'Ours.' }, context),
  )
  await testApp.app.db.query(
    `delete from graphile_worker._private_jobs where key = 'process:${upload.id}' returning 1 as done`,
  )
  await testApp.runJobs()
  return { uploadId: upload.id, trackId }
}

const incoming = (uploadId: string) => testApp.app.storage.head(`incoming/${uploadId}`)

it.each(transports)('retries a failed upload over %s without sending the file again', async transport => {
  const { uploadId, trackId } = await createFailedUpload()
  const seen = await ann.call(getUpload, { uploadId })
  expect(seen).toMatchObject({ state: 'failed', error: { code: 'processing_failed' } })
  expect(Math.abs(Date.parse(seen.retryUntil ?? '') - testApp.clock.now() - 7 * dayMs)).toBeLessThan(60_000)
  expect(await ann.expectProblem(grantStream, { trackId })).toMatchObject({ code: 'track_not_ready' })

  const again = await ann.call(retryUpload, { uploadId }, { transport })
  expect(again).toMatchObject({ state: 'uploaded', step: null, progress: 0, error: null, retryUntil: null, trackId })
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'processing' })
  await testApp.runJobs()
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'ready', trackId })
  expect(await bob.call(getTrack, { trackId })).toMatchObject({ state: 'ready' })
  expect(await incoming(uploadId)).toBeUndefined()
  expect(await ann.expectProblem(retryUpload, { uploadId }, { transport })).toMatchObject({
    code: 'upload_closed',
    status: 409,
  })
})

it('makes one attempt for concurrent requests on both nodes', async () => {
  const { uploadId } = await createFailedUpload()
  const recorder = await ann.recordEvents(`user:${ann.id}`)
  const replies = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      ann.request(retryUpload, { uploadId }, { transport: transports[index % 2] ?? 'rest' }),
    ),
  )
  for (const { data } of replies) expect(data).toMatchObject({ id: uploadId, state: 'uploaded' })
  await testApp.runJobs()
  await recorder.waitFor('tracks.trackPublished')
  const states = recorder.events.flatMap(({ data }) => (data.upload as { state?: string } | undefined)?.state ?? [])
  expect(states.filter(state => state === 'uploaded')).toHaveLength(1)
  expect(states.filter(state => state === 'ready')).toHaveLength(1)
})

it('refuses rejected uploads, with the reason, and uploads in other states', async () => {
  const rejected = await uploadFile(testApp, ann, Buffer.from('no music at all'))
  const refusal = await ann.expectProblem(retryUpload, { uploadId: rejected.id })
  expect(refusal).toMatchObject({ code: 'upload_rejected', status: 409, detail: rejected.error?.message })
  expect(rejected).toMatchObject({ state: 'rejected', retryUntil: null })

  const { upload: waiting } = await ann.call(initiateUpload, uploadInput(Buffer.from('x')))
  expect(await ann.expectProblem(retryUpload, { uploadId: waiting.id })).toMatchObject({ code: 'file_missing' })
  await ann.call(abortUpload, { uploadId: waiting.id })
  expect(await ann.expectProblem(retryUpload, { uploadId: waiting.id })).toMatchObject({ code: 'upload_aborted' })

  const { uploadId } = await createFailedUpload()
  expect(await bob.expectProblem(retryUpload, { uploadId })).toMatchObject({ code: 'not_found', status: 404 })
  expect(await bob.expectProblem(retryUpload, { uploadId: randomUUID() })).toMatchObject({ code: 'not_found' })
})

it('refuses when the file no longer exists', async () => {
  const { uploadId } = await createFailedUpload()
  await testApp.app.storage.delete(`incoming/${uploadId}`)
  expect(await ann.expectProblem(retryUpload, { uploadId })).toMatchObject({ code: 'retry_expired', status: 410 })
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'failed' })
})

it('may be aborted instead, or deleted with its track, and leaves no file', async () => {
  const one = await createFailedUpload()
  const other = await createFailedUpload()
  expect(await ann.call(abortUpload, { uploadId: one.uploadId })).toMatchObject({ state: 'aborted', error: null })
  await ann.call(deleteTrack, { trackId: other.trackId })
  await testApp.runJobs()
  for (const { uploadId, trackId } of [one, other]) {
    expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'aborted', retryUntil: null })
    expect(await incoming(uploadId)).toBeUndefined()
    expect(await ann.expectProblem(getTrack, { trackId })).toMatchObject({ code: 'not_found' })
    expect(await ann.expectProblem(retryUpload, { uploadId })).toMatchObject({ code: 'upload_aborted', status: 410 })
  }
})

// Last, because it advances the clock.
it('keeps the file for seven days, and no longer', async () => {
  const { uploadId } = await createFailedUpload()
  testApp.clock.advance(6 * dayMs)
  await expireUploads.run({}, createJobContext())
  await testApp.runJobs()
  expect(await incoming(uploadId)).toBeDefined()
  const fresh = await testApp.signIn('fresh')
  testApp.clock.advance(dayMs + 1)
  const later = await testApp.issuer.issueToken('ann')
  const headers = { authorization: `Bearer ${later}` }
  expect((await ann.request(retryUpload, { uploadId }, { headers })).error).toMatchObject({
    code: 'retry_expired',
    status: 410,
  })
  await expireUploads.run({}, createJobContext())
  await testApp.runJobs()
  expect(await incoming(uploadId)).toBeUndefined()
  const seen = (await ann.request(getUpload, { uploadId }, { headers })).data
  expect(seen).toMatchObject({ state: 'failed', retryUntil: null })
  expect(fresh.id).not.toBe(ann.id)
})
