import { Track, Upload } from '../../../models'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { serverFailure } from '../../../skills/music-processing/failures'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { retryUpload } from '../../../skills/music-upload/retry-upload'
import { signParts } from '../../../skills/music-upload/sign-parts'
import { makeAudio } from '../../make-audio'
import { waitUntil } from '../../kernel/wait-until'
import { transports, type Person, type Reply } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { initiateLargeUpload, initiateThreePartUpload, partBytes, sendThreeParts } from './multipart-uploads'
import { sendFile, sha256Of } from './upload-file'
import { type FaultInjectingStore, startFaultInjectingStore } from './fault-injecting-store'

/** No request waits for the object store while it holds row locks or a database connection. */
let testApp: TestApp
let store: FaultInjectingStore
let file: string
let ann: Person
let otherNode: Person
beforeAll(async () => {
  store = await startFaultInjectingStore()
  testApp = await createTestApp({ variables: { S3_ENDPOINT: store.endpoint } })
  file = await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3')
  ann = await testApp.signIn('ann', { node: 0 })
  otherNode = await testApp.signIn('ann', { node: 1 })
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})
afterEach(() => {
  store.delay = () => undefined
})

/** Holds the next `count` requests to the store until they are released. */
function holdRequests(count: number) {
  let release = () => undefined as unknown
  const gate = new Promise<void>(resolve => (release = resolve))
  let held = 0
  store.delay = () => {
    held += 1
    return held <= count ? gate : undefined
  }
  return { release: () => release(), requestArrived: () => waitUntil(async () => held > 0) }
}

/** Counts our transactions that are idle, waiting for something other than the database. */
async function countIdleTransactions(): Promise<number> {
  const [row] = await testApp.app.db.query<{ n: string }>(
    `select count(*) as n from pg_stat_activity
     where datname = current_database() and application_name = 'tutti' and state = 'idle in transaction'`,
  )
  return Number(row?.n)
}

const isInBucket = async (uploadId: string) =>
  (await testApp.app.storage.head(`incoming/${uploadId}`)) !== undefined ||
  (await testApp.app.storage.listMultipartUploads(`incoming/${uploadId}`, undefined, 10)).uploads.length > 0

async function runAllJobs(): Promise<void> {
  await testApp.app.db.query('update graphile_worker._private_jobs set run_at = now() returning 1 as done')
  await testApp.runJobs()
}

async function sendWhole(): Promise<string> {
  return (await sendFile(ann, file)).upload.id
}

async function sendInParts(): Promise<string> {
  const { uploadId } = await initiateThreePartUpload(ann)
  await sendThreeParts(ann, uploadId, [1, 2, 3])
  return uploadId
}

describe.each([
  ['one PUT', sendWhole],
  ['parts', sendInParts],
])('a file sent by %s', (_how, send) => {
  it('can be aborted while a finalize waits for the store, and leaves nothing', async () => {
    const uploadId = await send()
    const { release, requestArrived } = holdRequests(1)
    const finalized = ann.request(finalizeUpload, { uploadId })
    await requestArrived()
    expect(await countIdleTransactions()).toBe(0)
    expect(await otherNode.call(abortUpload, { uploadId })).toMatchObject({ state: 'aborted' })
    release()
    expect((await finalized).error).toMatchObject({ code: 'upload_aborted', status: 410 })
    await runAllJobs()
    expect(await isInBucket(uploadId)).toBe(false)
    expect(await Upload.findByPk(uploadId)).toMatchObject({ state: 'aborted', trackId: null })
  }, 30_000)

  it('becomes one track of twenty concurrent finalizes on two nodes with a slow store', async () => {
    const uploadId = await send()
    const before = await Track.count({ where: { ownerId: ann.id } })
    const { release, requestArrived } = holdRequests(20)
    const requests: Promise<Reply>[] = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? ann : otherNode).request(
        finalizeUpload,
        { uploadId },
        { transport: transports[index % 3 === 0 ? 1 : 0] },
      ),
    )
    await requestArrived()
    expect(await countIdleTransactions()).toBe(0)
    release()
    const replies = await Promise.all(requests)
    for (const { data } of replies) expect(data).toEqual(replies[0]?.data)
    expect(replies[0]?.data).toMatchObject({ id: uploadId, state: 'uploaded' })
    expect(await Track.count({ where: { ownerId: ann.id } })).toBe(before + 1)
  }, 30_000)

  it('keeps the result of another finalize when the store answers the first late', async () => {
    const uploadId = await send()
    const { release, requestArrived } = holdRequests(1)
    const late = ann.request(finalizeUpload, { uploadId })
    await requestArrived()
    const { trackId } = await otherNode.call(finalizeUpload, { uploadId })
    await Upload.update({ state: 'ready' }, { where: { id: uploadId } })
    await testApp.app.storage.delete(`incoming/${uploadId}`)
    release()
    expect((await late).data).toMatchObject({ id: uploadId, state: 'ready', trackId })
  }, 30_000)
})

it('answers unavailable when the store takes too long, and leaves no partial change', async () => {
  const uploadId = await sendWhole()
  const failedId = await sendWhole()
  await ann.call(finalizeUpload, { uploadId: failedId })
  const retryUntil = new Date(testApp.clock.now() + 60_000)
  await Upload.update({ state: 'failed', error: serverFailure, retryUntil }, { where: { id: failedId } })
  const { upload: large } = await initiateLargeUpload(ann)
  const parts = [{ number: 1, sha256: sha256Of(partBytes(1)) }]
  const calls = () => [
    ann.request(finalizeUpload, { uploadId }),
    ann.request(retryUpload, { uploadId: failedId }),
    ann.request(signParts, { uploadId: large.id, parts }),
  ]
  const { release, requestArrived } = holdRequests(1_000)
  const requests = calls()
  await requestArrived()
  expect(await countIdleTransactions()).toBe(0)
  for (const { error } of await Promise.all(requests)) {
    expect(error).toMatchObject({ code: 'unavailable', status: 503 })
    expect(error?.retryAfter).toBeGreaterThan(0)
  }
  release()
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'initiated', trackId: null })
  expect(await ann.call(getUpload, { uploadId: failedId })).toMatchObject({ state: 'failed' })
  expect(await Upload.findByPk(large.id)).toMatchObject({ multipartId: null })
  store.delay = () => undefined
  for (const { error } of await Promise.all(calls())) expect(error).toBeUndefined()
}, 30_000)
