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
beforeEach(() => Object.assign(store, { acceptedParts: [], concurrencyMax: 0, partFault: () => 'pass' }))
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

/** Starts an upload, and resolves with its id once it has one. */
async function startUpload(client: TestClient, options: UploadOptions = {}) {
  let ended: Promise<unknown> = Promise.resolve()
  const uploadId = await new Promise<string>(resolve => {
    ended = client
      .upload(file, fields, { onInitiated: ({ id }) => resolve(id), ...options })
      .catch((error: unknown) => error)
  })
  return { uploadId, ended }
}

it('uploads a large file in parallel parts, and repeats parts that did not arrive intact', async () => {
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

it('resumes the missing parts with another client', async () => {
  const before = await clientOf('ben')
  store.partFault = number => (number > 2 ? 'hold' : 'pass')
  const { uploadId, ended } = await startUpload(before)
  await waitUntil(
    'two parts have arrived and three are held',
    () => store.acceptedParts.length === 2 && store.concurrencyMax === 3,
  )
  await before.close()
  store.closeHeldRequests()
  expect(await ended).toMatchObject({ code: 'client_closed' })

  Object.assign(store, { acceptedParts: [], partFault: () => 'pass' })
  using after = await clientOf('ben')
  expect(await stateOf(after, uploadId)).toBe('initiated')
  const progress: number[] = []
  const upload = await after.resumeUpload(uploadId, file, { onProgress: sentBytes => progress.push(sentBytes) })
  expect(upload).toMatchObject({ id: uploadId, state: 'uploaded' })
  expect(sorted(store.acceptedParts)).toEqual(numberRangeInclusive(3, partCount))
  expect(progress.at(-1)).toBe(largeBytes)

  // Complete it again, as if the response had been lost.
  expect(await after.resumeUpload(uploadId, file)).toEqual(upload)
  expect(store.acceptedParts).toHaveLength(partCount - 2)
})

it('withdraws a canceled upload or keeps it on request, and repeats the parts of a changed file', async () => {
  using cleo = await clientOf('cleo')
  store.partFault = number => (number === 1 || number === 9 ? 'pass' : 'hold')
  const [withdrawing, keeping] = [new AbortController(), new AbortController()]
  const first = await startUpload(cleo, { signal: withdrawing.signal })
  await waitUntil('a part has arrived', () => store.acceptedParts.length === 1)
  withdrawing.abort()
  expect(await first.ended).toMatchObject({ code: 'upload_canceled', status: 0 })
  expect(await stateOf(cleo, first.uploadId)).toBe('aborted')
  expect(await problemOf(cleo.resumeUpload(first.uploadId, file))).toMatchObject({
    code: 'upload_aborted',
    status: 410,
  })

  const second = await startUpload(cleo, { signal: keeping.signal, keepOnFailure: true })
  await waitUntil('another part has arrived', () => store.acceptedParts.length === 2)
  keeping.abort()
  expect(await second.ended).toMatchObject({ code: 'upload_canceled' })
  expect(await stateOf(cleo, second.uploadId)).toBe('initiated')
  const other = await problemOf(cleo.resumeUpload(second.uploadId, new Blob(['x'])))
  expect(other).toMatchObject({ code: 'file_mismatch', status: 0 })

  Object.assign(store, { acceptedParts: [], partFault: () => 'pass' })
  const changed = new Blob([randomBytes(1_000), file.slice(1_000)])
  expect(await cleo.resumeUpload(second.uploadId, changed)).toMatchObject({ state: 'uploaded' })
  expect(sorted(store.acceptedParts)).toEqual(numberRangeInclusive(1, partCount))
})

it('resumes and cancels a small file', async () => {
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
