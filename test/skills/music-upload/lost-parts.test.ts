import { Upload } from '../../../models'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { signParts } from '../../../skills/music-upload/sign-parts'
import { openClient } from '../../client/open-client'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import {
  initiateThreePartUpload,
  threePartBytes,
  sendThreeParts,
  sentPartNumbers,
  threePartFileBytes,
} from './multipart-uploads'
import { putBytes, sha256Of } from './upload-file'
import { type FaultInjectingStore, startFaultInjectingStore } from './fault-injecting-store'

/** The store may lose the parts of a pending upload, by a lifecycle rule or by hand. */
let testApp: TestApp
let store: FaultInjectingStore
let ann: Person
let otherNode: Person
beforeAll(async () => {
  store = await startFaultInjectingStore()
  testApp = await createTestApp({ variables: { S3_ENDPOINT: store.endpoint } })
  ann = await testApp.signIn('ann', { node: 0 })
  otherNode = await testApp.signIn('ann', { node: 1 })
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const storage = () => testApp.app.storage
const multipartIdOf = async (uploadId: string) => (await Upload.findByPk(uploadId))?.multipartId ?? ''
const listOpenUploads = async (uploadId: string) =>
  (await storage().listMultipartUploads(`incoming/${uploadId}`, undefined, 50)).uploads.map(
    ({ multipartId }) => multipartId,
  )
const loseParts = async (uploadId: string) =>
  storage().abortMultipartUpload(`incoming/${uploadId}`, await multipartIdOf(uploadId))
const partInput = (number: number) => ({ number, sha256: sha256Of(threePartBytes(number)) })

it('starts one new multipart upload for concurrent requests for URLs on both nodes', async () => {
  const { uploadId } = await initiateThreePartUpload(ann)
  await sendThreeParts(ann, uploadId, [1, 3])
  const before = await multipartIdOf(uploadId)
  await loseParts(uploadId)
  for (const transport of transports)
    expect((await ann.call(getUpload, { uploadId }, { transport })).parts).toMatchObject({ sent: [] })
  expect(await ann.expectProblem(finalizeUpload, { uploadId })).toMatchObject({
    ...{ code: 'file_missing', status: 409 },
    detail: '3 of 3 parts are missing.',
  })

  const sign = (index: number) => {
    const [person, transport] = [index % 2 === 0 ? ann : otherNode, transports[index % 3 === 0 ? 1 : 0]]
    return person.call(signParts, { uploadId, parts: [partInput((index % 3) + 1)] }, { transport })
  }
  const putRequests = (await Promise.all(Array.from({ length: 20 }, (_, index) => sign(index)))).flat()
  const after = await multipartIdOf(uploadId)
  expect(after).not.toBe(before)
  // All URLs belong to the same multipart upload.
  expect(new Set(putRequests.map(({ url }) => new URL(url).searchParams.get('uploadId')))).toEqual(new Set([after]))
  await testApp.runJobs()
  expect(await listOpenUploads(uploadId)).toEqual([after])

  const first = putRequests.filter(
    ({ number }, index) => putRequests.findIndex(putRequest => putRequest.number === number) === index,
  )
  expect(first).toHaveLength(3)
  const statuses = await Promise.all(first.map(putRequest => putBytes(putRequest, threePartBytes(putRequest.number))))
  expect(statuses).toEqual(first.map(() => 200))
  const answers = await Promise.all([ann, otherNode].map(one => one.call(finalizeUpload, { uploadId })))
  for (const answer of answers) expect(answer).toMatchObject({ state: 'uploaded' })
  expect(await listOpenUploads(uploadId)).toEqual([])
  expect(await storage().head(`incoming/${uploadId}`)).toMatchObject({ sizeBytes: threePartFileBytes })
}, 30_000)

it('names the parts lost during sending, and the client sends only those', async () => {
  const { uploadId, file } = await initiateThreePartUpload(ann)
  await sendThreeParts(ann, uploadId, [1, 2])
  await loseParts(uploadId)
  expect(await sendThreeParts(ann, uploadId, [2])).toEqual([200])
  expect(await sentPartNumbers(ann, uploadId)).toEqual([2])
  const problem = await ann.expectProblem(finalizeUpload, { uploadId })
  expect(problem.errors?.map(({ path }) => path)).toEqual(['parts.1', 'parts.3'])

  await loseParts(uploadId)
  await sendThreeParts(ann, uploadId, [1])
  store.acceptedParts = []
  using client = openClient({ url: ann.url, token: ann.token, transports: ['long-poll'] })
  expect(await client.resumeUpload(uploadId, file)).toMatchObject({ id: uploadId, state: 'uploaded' })
  expect([...store.acceptedParts].sort()).toEqual([2, 3])
  await testApp.runJobs()
  expect(await listOpenUploads(uploadId)).toEqual([])
})

it('caches for some seconds that the multipart upload exists', async () => {
  const { uploadId } = await initiateThreePartUpload(ann)
  for (const number of [1, 2]) expect(await sendThreeParts(ann, uploadId, [number])).toEqual([200])
  const before = await multipartIdOf(uploadId)
  await loseParts(uploadId)
  expect(await sendThreeParts(ann, uploadId, [3])).toEqual([404])
  expect(await multipartIdOf(uploadId)).toBe(before)
  // As after those seconds.
  await testApp.app.cache.invalidate([`multipart:${before}`])
  expect(await sendThreeParts(ann, uploadId, [3])).toEqual([200])
  expect(await sentPartNumbers(ann, uploadId)).toEqual([3])
})

it('signs no parts when the store has completed the object, and finalizes it, also after a restart', async () => {
  const { uploadId } = await initiateThreePartUpload(ann)
  const key = `incoming/${uploadId}`
  await sendThreeParts(ann, uploadId, [1, 2, 3])
  const [first, signal] = [await multipartIdOf(uploadId), AbortSignal.timeout(5_000)]
  const parts = (await storage().listParts(key, first, signal)) ?? []
  await storage().completeMultipartUpload(key, first, { parts, sizeBytes: threePartFileBytes, signal })
  expect(await ann.expectProblem(signParts, { uploadId, parts: [partInput(1)] })).toMatchObject({
    ...{ code: 'upload_closed', status: 409 },
    detail: 'All parts have been sent: finalize the upload.',
  })

  // As if a new multipart upload had started while the store listed neither the parts nor the object.
  const second = await storage().createMultipartUpload(key, 'audio/wav')
  await Upload.update({ multipartId: second }, { where: { id: uploadId } })
  expect(await ann.call(finalizeUpload, { uploadId })).toMatchObject({ state: 'uploaded' })
  await testApp.runJobs()
  expect(await listOpenUploads(uploadId)).toEqual([])
})

it('does not use a result for a multipart id that was replaced meanwhile', async () => {
  const { uploadId } = await initiateThreePartUpload(ann)
  await sendThreeParts(ann, uploadId, [1, 2, 3])
  let isRenamed = false
  const rename = async () => {
    isRenamed = true
    await Upload.update({ multipartId: 'another' }, { where: { id: uploadId } })
  }
  store.delay = method => (method === 'POST' && !isRenamed ? rename() : undefined)
  const problem = await ann.expectProblem(finalizeUpload, { uploadId })
  expect(problem).toMatchObject({ code: 'unavailable', status: 503, retryAfter: 1 })
  expect(await ann.call(finalizeUpload, { uploadId })).toMatchObject({ state: 'uploaded' })
})

it('answers unavailable while the store is down, and opens no second multipart upload', async () => {
  const { uploadId } = await initiateThreePartUpload(ann)
  await sendThreeParts(ann, uploadId, [3])
  const before = await multipartIdOf(uploadId)
  store.isDown = true
  expect(await ann.expectProblem(signParts, { uploadId, parts: [partInput(1)] })).toMatchObject({
    ...{ code: 'unavailable', status: 503 },
  })
  store.isDown = false
  expect(await sendThreeParts(ann, uploadId, [1])).toEqual([200])
  expect(await multipartIdOf(uploadId)).toBe(before)
  expect(await listOpenUploads(uploadId)).toEqual([before])
})
