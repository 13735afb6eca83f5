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

/** The store may forget the parts of an upload that still waits for them: a lifecycle rule does so, or somebody's hand. */
let testApp: TestApp
let store: FaultInjectingStore
let ann: Person
let elsewhere: Person
beforeAll(async () => {
  store = await startFaultInjectingStore()
  testApp = await createTestApp({ variables: { S3_ENDPOINT: store.endpoint } })
  ann = await testApp.signIn('ann', { node: 0 })
  elsewhere = await testApp.signIn('ann', { node: 1 })
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const storage = () => testApp.app.storage
const nameOf = async (uploadId: string) => (await Upload.findByPk(uploadId))?.multipartId ?? ''
const openIn = async (uploadId: string) =>
  (await storage().listMultipartUploads(`incoming/${uploadId}`, undefined, 50)).uploads.map(
    ({ multipartId }) => multipartId,
  )
const lose = async (uploadId: string) => storage().abortMultipartUpload(`incoming/${uploadId}`, await nameOf(uploadId))
const wish = (number: number) => ({ number, sha256: sha256Of(threePartBytes(number)) })

it('begins the sending anew, once, however many ask for URLs at once on both nodes', async () => {
  const { uploadId } = await initiateThreePartUpload(ann)
  await sendThreeParts(ann, uploadId, [1, 3])
  const before = await nameOf(uploadId)
  await lose(uploadId)
  for (const transport of transports)
    expect((await ann.call(getUpload, { uploadId }, { transport })).parts).toMatchObject({ sent: [] })
  expect(await ann.expectProblem(finalizeUpload, { uploadId })).toMatchObject({
    ...{ code: 'file_missing', status: 409 },
    detail: '3 of 3 parts are missing.',
  })

  const ask = (index: number) => {
    const [person, transport] = [index % 2 === 0 ? ann : elsewhere, transports[index % 3 === 0 ? 1 : 0]]
    return person.call(signParts, { uploadId, parts: [wish((index % 3) + 1)] }, { transport })
  }
  const places = (await Promise.all(Array.from({ length: 20 }, (_, index) => ask(index)))).flat()
  const after = await nameOf(uploadId)
  expect(after).not.toBe(before)
  // Everybody sends to the same.
  expect(new Set(places.map(({ url }) => new URL(url).searchParams.get('uploadId')))).toEqual(new Set([after]))
  await testApp.runJobs()
  expect(await openIn(uploadId)).toEqual([after])

  const first = places.filter(({ number }, index) => places.findIndex(place => place.number === number) === index)
  expect(first).toHaveLength(3)
  const statuses = await Promise.all(first.map(place => putBytes(place, threePartBytes(place.number))))
  expect(statuses).toEqual(first.map(() => 200))
  const answers = await Promise.all([ann, elsewhere].map(one => one.call(finalizeUpload, { uploadId })))
  for (const answer of answers) expect(answer).toMatchObject({ state: 'uploaded' })
  expect(await openIn(uploadId)).toEqual([])
  expect(await storage().head(`incoming/${uploadId}`)).toMatchObject({ sizeBytes: threePartFileBytes })
}, 30_000)

it('in the midst of the sending: what was lost is named, and the client sends that alone', async () => {
  const { uploadId, file } = await initiateThreePartUpload(ann)
  await sendThreeParts(ann, uploadId, [1, 2])
  await lose(uploadId)
  expect(await sendThreeParts(ann, uploadId, [2])).toEqual([200])
  expect(await sentPartNumbers(ann, uploadId)).toEqual([2])
  const problem = await ann.expectProblem(finalizeUpload, { uploadId })
  expect(problem.errors?.map(({ path }) => path)).toEqual(['parts.1', 'parts.3'])

  await lose(uploadId)
  await sendThreeParts(ann, uploadId, [1])
  store.acceptedParts = []
  using client = openClient({ url: ann.url, token: ann.token, transports: ['long-poll'] })
  expect(await client.resumeUpload(uploadId, file)).toMatchObject({ id: uploadId, state: 'uploaded' })
  expect([...store.acceptedParts].sort()).toEqual([2, 3])
  await testApp.runJobs()
  expect(await openIn(uploadId)).toEqual([])
})

it('believes for some seconds that the parts are there still, and no longer', async () => {
  const { uploadId } = await initiateThreePartUpload(ann)
  for (const number of [1, 2]) expect(await sendThreeParts(ann, uploadId, [number])).toEqual([200])
  const before = await nameOf(uploadId)
  await lose(uploadId)
  expect(await sendThreeParts(ann, uploadId, [3])).toEqual([404])
  expect(await nameOf(uploadId)).toBe(before)
  // As when those seconds are over.
  await testApp.app.cache.invalidate([`parts:${before}`])
  expect(await sendThreeParts(ann, uploadId, [3])).toEqual([200])
  expect(await sentPartNumbers(ann, uploadId)).toEqual([3])
})

it('signs nothing when the store has made the object already, and takes that for the parts, also when it was begun anew', async () => {
  const { uploadId } = await initiateThreePartUpload(ann)
  const key = `incoming/${uploadId}`
  await sendThreeParts(ann, uploadId, [1, 2, 3])
  const [first, signal] = [await nameOf(uploadId), AbortSignal.timeout(5_000)]
  const parts = (await storage().listParts(key, first, signal)) ?? []
  await storage().completeMultipartUpload(key, first, { parts, sizeBytes: threePartFileBytes, signal })
  expect(await ann.expectProblem(signParts, { uploadId, parts: [wish(1)] })).toMatchObject({
    ...{ code: 'upload_closed', status: 409 },
    detail: 'All parts have been sent: finalize the upload.',
  })

  // As if somebody had begun anew in the moment in which the store knew neither the parts nor yet the object.
  const second = await storage().createMultipartUpload(key, 'audio/wav')
  await Upload.update({ multipartId: second }, { where: { id: uploadId } })
  expect(await ann.call(finalizeUpload, { uploadId })).toMatchObject({ state: 'uploaded' })
  await testApp.runJobs()
  expect(await openIn(uploadId)).toEqual([])
})

it('does not take over what was found under a name that is not the upload’s any more', async () => {
  const { uploadId } = await initiateThreePartUpload(ann)
  await sendThreeParts(ann, uploadId, [1, 2, 3])
  let isAsked = false
  const renamed = async () => {
    isAsked = true
    await Upload.update({ multipartId: 'another' }, { where: { id: uploadId } })
  }
  store.delay = method => (method === 'POST' && !isAsked ? renamed() : undefined)
  const problem = await ann.expectProblem(finalizeUpload, { uploadId })
  expect(problem).toMatchObject({ code: 'unavailable', status: 503, retryAfter: 1 })
  expect(await ann.call(finalizeUpload, { uploadId })).toMatchObject({ state: 'uploaded' })
})

it('is unavailable while the store is, and opens nothing twice', async () => {
  const { uploadId } = await initiateThreePartUpload(ann)
  await sendThreeParts(ann, uploadId, [3])
  const before = await nameOf(uploadId)
  store.isDown = true
  expect(await ann.expectProblem(signParts, { uploadId, parts: [wish(1)] })).toMatchObject({
    ...{ code: 'unavailable', status: 503 },
  })
  store.isDown = false
  expect(await sendThreeParts(ann, uploadId, [1])).toEqual([200])
  expect(await nameOf(uploadId)).toBe(before)
  expect(await openIn(uploadId)).toEqual([before])
})
