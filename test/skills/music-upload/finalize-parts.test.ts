import { Track, Upload } from '../../../models'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { expireUploads } from '../../../skills/music-upload/expire-uploads'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { signParts } from '../../../skills/music-upload/sign-parts'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import {
  initiateLargeUpload,
  largeBytes,
  numberRangeInclusive,
  partCount,
  partBytes,
  sendParts,
  sentPartNumbers,
} from './multipart-uploads'
import { putBytes, sha256Of } from './upload-file'
import { type FaultInjectingStore, startFaultInjectingStore } from './fault-injecting-store'

let testApp: TestApp
let store: FaultInjectingStore
let ann: Person
beforeAll(async () => {
  store = await startFaultInjectingStore()
  testApp = await createTestApp({ variables: { S3_ENDPOINT: store.endpoint } })
  ann = await testApp.signIn('ann', { node: 0 })
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const storage = () => testApp.app.storage
const isThere = async (uploadId: string) => (await storage().head(`incoming/${uploadId}`)) !== undefined
const countOpenUploads = async (uploadId: string) =>
  (await storage().listMultipartUploads(`incoming/${uploadId}`, undefined, 10)).uploads.length

it('names missing parts, creates one track for concurrent finalizes, and accepts no parts afterwards', async () => {
  const { upload } = await initiateLargeUpload(ann)
  const input = { uploadId: upload.id }
  const none = await ann.expectProblem(finalizeUpload, input)
  expect(none).toMatchObject({ code: 'file_missing', status: 409, detail: '9 of 9 parts are missing.' })

  const [putRequest] = await ann.call(signParts, { ...input, parts: [{ number: 1, sha256: sha256Of(partBytes(1)) }] })
  expect(await putBytes(putRequest ?? null, partBytes(1))).toBe(200)
  expect(await sendParts(ann, upload.id, [2, 4, 5, 7, 8, 9])).toEqual([200, 200, 200, 200, 200, 200])
  const some = await ann.expectProblem(finalizeUpload, input)
  expect(some).toMatchObject({ code: 'file_missing', detail: '2 of 9 parts are missing.' })
  expect(some.errors?.map(({ path }) => path)).toEqual(['parts.3', 'parts.6'])
  expect(await ann.call(getUpload, input)).toMatchObject({ state: 'initiated' })

  await sendParts(ann, upload.id, [3, 6])
  // The store's first response is lost; when asked again, it no longer knows the multipart upload.
  store.completionFault = 'cut'
  const otherNode = await testApp.signIn('ann', { node: 1 })
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? ann : otherNode).call(finalizeUpload, input)),
  )
  for (const answer of answers) expect(answer).toEqual(answers[0])
  expect(answers[0]).toMatchObject({ state: 'uploaded' })
  expect(await Track.count({ where: { id: answers[0]?.trackId ?? '' } })).toBe(1)
  expect(await storage().head(`incoming/${upload.id}`)).toMatchObject({ sizeBytes: largeBytes })

  // The part URLs have not expired, but the multipart upload no longer exists.
  expect(await putBytes(putRequest ?? null, partBytes(1))).toBe(404)
  const partsInput = { ...input, parts: [{ number: 1, sha256: sha256Of(partBytes(1)) }] }
  expect(await ann.expectProblem(signParts, partsInput)).toMatchObject({ code: 'upload_closed', status: 409 })
  expect(await ann.call(getUpload, input)).not.toHaveProperty('parts')
  expect(await countOpenUploads(upload.id)).toBe(0)
  expect(store.completionFault).toBe('pass')
}, 60_000)

it('answers unavailable and changes nothing while the store is down or too slow, then continues from its state', async () => {
  const { upload } = await initiateLargeUpload(ann)
  const input = { uploadId: upload.id }
  await sendParts(ann, upload.id, numberRangeInclusive(1, partCount))
  store.isDown = true
  for (const op of [finalizeUpload, getUpload]) {
    const problem = await ann.expectProblem(op, input)
    expect(problem).toMatchObject({ code: 'unavailable', status: 503 })
    expect(problem.retryAfter).toBeGreaterThan(0)
  }
  store.isDown = false
  expect(await ann.call(getUpload, input)).toMatchObject({ state: 'initiated' })

  store.completionFault = 'hold'
  const problem = await ann.expectProblem(finalizeUpload, input)
  expect(problem).toMatchObject({ code: 'unavailable', status: 503 })
  expect(problem.retryAfter).toBeGreaterThan(0)
  Object.assign(store, { completing: 'pass' }).closeHeldRequests()
  // The store has created the object, but its response did not arrive.
  expect(await isThere(upload.id)).toBe(true)
  expect(await ann.call(getUpload, input)).toMatchObject({ state: 'initiated' })
  expect(await sentPartNumbers(ann, upload.id)).toEqual(numberRangeInclusive(1, partCount))
  expect(await ann.call(finalizeUpload, input)).toMatchObject({ state: 'uploaded' })
}, 60_000)

it('accepts no other object instead of its parts', async () => {
  const { upload } = await initiateLargeUpload(ann)
  await sendParts(ann, upload.id, [1])
  const row = await Upload.findByPk(upload.id)
  await storage().abortMultipartUpload(`incoming/${upload.id}`, row?.multipartId ?? '')
  expect(await ann.expectProblem(finalizeUpload, { uploadId: upload.id })).toMatchObject({ code: 'file_missing' })
  expect(await sentPartNumbers(ann, upload.id)).toEqual([])
  await storage().put(`incoming/${upload.id}`, Buffer.from('evil'), 'audio/wav')
  expect(await ann.expectProblem(finalizeUpload, { uploadId: upload.id })).toMatchObject({
    code: 'file_mismatch',
    status: 422,
  })
})

it('leaves no parts when it is aborted or expires, also of those being sent', async () => {
  const ben = await testApp.signIn('ben')
  const [{ upload: aborted }, { upload: expired }] = [await initiateLargeUpload(ben), await initiateLargeUpload(ben)]
  for (const { id } of [aborted, expired]) await sendParts(ben, id, [9])
  expect(await Promise.all([countOpenUploads(aborted.id), countOpenUploads(expired.id)])).toEqual([1, 1])
  await ben.call(abortUpload, { uploadId: aborted.id })
  await Upload.update({ expiresAt: new Date(testApp.clock.now() - 1) }, { where: { id: expired.id } })
  await testApp.app.db.query(`select graphile_worker.add_job('${expireUploads.name}', '{}'::json)`)
  await testApp.runJobs()
  await testApp.runJobs()
  expect(await ben.call(getUpload, { uploadId: expired.id })).toMatchObject({ state: 'expired' })
  expect(await Promise.all([countOpenUploads(aborted.id), countOpenUploads(expired.id)])).toEqual([0, 0])
  const waiting = await testApp.app.db.query<{ id: string }>(
    `select payload->>'key' as id from graphile_worker._private_jobs job
     join graphile_worker._private_tasks task on task.id = job.task_id
     where task.identifier = 'kernel.abortMultipart' and job.run_at > now()`,
  )
  expect(waiting.map(({ id }) => id).sort()).toEqual([aborted, expired].map(({ id }) => `incoming/${id}`).sort())
})
