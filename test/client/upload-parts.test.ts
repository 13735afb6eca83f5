import { randomBytes } from 'node:crypto'
import { type UploadOptions } from '../../client'
import { largeBytes, numberRangeInclusive, partCount, partBytes } from '../skills/music-upload/multipart-uploads'
import { createTestApp, type TestApp } from '../test-app'
import { openClient, problemOf, type TestClient, waitUntil, withoutBackoff } from './open-client'
import { type FaultInjectingStore, startFaultInjectingStore } from '../skills/music-upload/fault-injecting-store'

let testApp: TestApp
let store: FaultInjectingStore
jest.setTimeout(60_000)
beforeAll(async () => {
  store = await startFaultInjectingStore()
  testApp = await createTestApp({ nodes: 1, variables: { S3_ENDPOINT: store.endpoint } })
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})
beforeEach(() => Object.assign(store, { taken: [], mostAtOnce: 0, mood: () => 'pass' }))
afterEach(() => void jest.restoreAllMocks())

const fields = { fileName: 'set.wav', contentType: 'audio/wav' } as const
const file = new Blob(numberRangeInclusive(1, partCount).map(number => partBytes(number)))
const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b)
const stateOf = async (client: TestClient, uploadId: string) =>
  (await client.call('music-upload.getUpload', { uploadId })).state

async function clientOf(name: string): Promise<TestClient> {
  const { url, token } = await testApp.signIn(name)
  return openClient({ url, token, transports: ['long-poll'] })
}

/** Begins an upload and answers its id as soon as it has one. */
async function begin(client: TestClient, options: UploadOptions = {}) {
  let ended: Promise<unknown> = Promise.resolve()
  const uploadId = await new Promise<string>(resolve => {
    ended = client
      .upload(file, fields, { onInitiated: ({ id }) => resolve(id), ...options })
      .catch((error: unknown) => error)
  })
  return { uploadId, ended }
}

it('sends a large file in parts, some at once, and those again that did not arrive as they are', async () => {
  using ann = await clientOf('ann')
  const tries = new Map<number, number>()
  store.partFault = number => {
    tries.set(number, (tries.get(number) ?? 0) + 1)
    if (tries.get(number) !== 1) return 'pass'
    return number === 2 ? 'refuse' : number === 5 ? 'spoil' : 'pass'
  }
  const progress: number[] = []
  const { upload, duplicateOf } = await ann.upload(file, fields, {
    onProgress: (sentBytes, totalBytes) => progress.push(sentBytes / totalBytes),
  })
  expect(upload).toMatchObject({ state: 'uploaded', sizeBytes: largeBytes })
  expect(duplicateOf).toBeNull()
  expect(sorted(store.acceptedParts)).toEqual(numberRangeInclusive(1, partCount))
  expect([tries.get(1), tries.get(2), tries.get(5)]).toEqual([1, 2, 2])
  expect(store.concurrencyMax).toBeLessThanOrEqual(3)
  expect(progress).toEqual(sorted(progress))
  expect(progress.at(-1)).toBe(1)
})

it('goes on in another life with what is missing', async () => {
  const before = await clientOf('ben')
  store.partFault = number => (number > 2 ? 'hold' : 'pass')
  const { uploadId, ended } = await begin(before)
  await waitUntil(
    'two parts are there, and three on their way',
    () => store.acceptedParts.length === 2 && store.concurrencyMax === 3,
  )
  await before.close()
  store.closeHeldRequests()
  expect(await ended).toMatchObject({ code: 'closed' })

  Object.assign(store, { taken: [], mood: () => 'pass' })
  using after = await clientOf('ben')
  expect(await stateOf(after, uploadId)).toBe('initiated')
  const progress: number[] = []
  const upload = await after.resumeUpload(uploadId, file, { onProgress: sentBytes => progress.push(sentBytes) })
  expect(upload).toMatchObject({ id: uploadId, state: 'uploaded' })
  expect(sorted(store.acceptedParts)).toEqual(numberRangeInclusive(3, partCount))
  expect(progress.at(-1)).toBe(largeBytes)

  // And once more, when the answer was lost.
  expect(await after.resumeUpload(uploadId, file)).toEqual(upload)
  expect(store.acceptedParts).toHaveLength(partCount - 2)
})

it('gives up what is cancelled, or keeps it, and sends parts of a file that changed since once more', async () => {
  using cleo = await clientOf('cleo')
  store.partFault = number => (number === 1 || number === 9 ? 'pass' : 'hold')
  const [gone, kept] = [new AbortController(), new AbortController()]
  const first = await begin(cleo, { signal: gone.signal })
  await waitUntil('a part is there', () => store.acceptedParts.length === 1)
  gone.abort()
  expect(await first.ended).toMatchObject({ code: 'upload_canceled', status: 0 })
  expect(await stateOf(cleo, first.uploadId)).toBe('aborted')
  expect(await problemOf(cleo.resumeUpload(first.uploadId, file))).toMatchObject({
    code: 'upload_aborted',
    status: 410,
  })

  const second = await begin(cleo, { signal: kept.signal, keepOnFailure: true })
  await waitUntil('another one is there', () => store.acceptedParts.length === 2)
  kept.abort()
  expect(await second.ended).toMatchObject({ code: 'upload_canceled' })
  expect(await stateOf(cleo, second.uploadId)).toBe('initiated')
  const other = await problemOf(cleo.resumeUpload(second.uploadId, new Blob(['x'])))
  expect(other).toMatchObject({ code: 'file_mismatch', status: 0 })

  Object.assign(store, { taken: [], mood: () => 'pass' })
  const changed = new Blob([randomBytes(1_000), file.slice(1_000)])
  expect(await cleo.resumeUpload(second.uploadId, changed)).toMatchObject({ state: 'uploaded' })
  expect(sorted(store.acceptedParts)).toEqual(numberRangeInclusive(1, partCount))
})

it('resumes and cancels a small file as well', async () => {
  using dora = await clientOf('dora')
  withoutBackoff()
  const small = randomBytes(1_000)
  store.partFault = () => 'refuse'
  let uploadId = ''
  const options = { keepOnFailure: true, onInitiated: ({ id }: { id: string }) => void (uploadId = id) }
  expect(await problemOf(dora.upload(small, fields, options))).toMatchObject({ code: 'upload_failed' })
  store.partFault = () => 'pass'
  expect(await dora.resumeUpload(uploadId, small)).toMatchObject({ id: uploadId, state: 'uploaded' })

  const signal = AbortSignal.abort()
  expect(await problemOf(dora.upload(small, fields, { ...options, keepOnFailure: false, signal }))).toMatchObject({
    code: 'upload_canceled',
  })
  expect(await stateOf(dora, uploadId)).toBe('aborted')
})
