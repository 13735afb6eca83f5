import { randomBytes } from 'node:crypto'
import { abortUpload } from '../../skills/music-upload/abort-upload'
import { createTestApp, type TestApp } from '../test-app'
import {
  type PartFault,
  type FaultInjectingStore,
  startFaultInjectingStore,
} from '../skills/music-upload/fault-injecting-store'
import { openClient, problemOf, type TestClient, waitUntil, withoutBackoff } from './open-client'

let testApp: TestApp
let store: FaultInjectingStore
beforeAll(async () => {
  store = await startFaultInjectingStore()
  testApp = await createTestApp({ nodes: 1, variables: { S3_ENDPOINT: store.endpoint } })
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})
beforeEach(() => Object.assign(store, { acceptedParts: [], partFault: () => 'pass' }))
afterEach(() => void jest.restoreAllMocks())

const fields = { fileName: 'song.wav', contentType: 'audio/wav' } as const
const file = randomBytes(300_000)
const stateOf = async (client: TestClient, uploadId: string) =>
  (await client.call('music-upload.getUpload', { uploadId })).state

async function clientOf(name: string): Promise<TestClient> {
  const { url, token } = await testApp.signIn(name)
  return openClient({ url, token, transports: ['long-poll'] })
}

/** Makes the store respond with these faults in turn, then normally. Returns a counter of its requests. */
function withFaults(...faults: PartFault[]): () => number {
  let attempts = 0
  store.partFault = () => faults[(attempts += 1) - 1] ?? 'pass'
  return () => attempts
}

/** Starts an upload, and resolves once it has an id. */
async function startUpload(client: TestClient, options: { signal?: AbortSignal; onProgress?: (sent: number) => void }) {
  let ended: Promise<unknown> = Promise.resolve()
  const uploadId = await new Promise<string>(resolve => {
    ended = client.upload(file, fields, { onInitiated: ({ id }) => resolve(id), ...options }).catch((e: unknown) => e)
  })
  return { uploadId, ended }
}

it('repeats a file that the store refused, corrupted or accepted without a response; progress never decreases', async () => {
  using ann = await clientOf('ann')
  withoutBackoff()
  const attempts = withFaults('refuse', 'spoil', 'lose')
  const progress: number[] = []
  const { upload } = await ann.upload(file, fields, { onProgress: sentBytes => progress.push(sentBytes) })
  expect(upload.state).toBe('uploaded')
  // The store has had it since the third request, and accepts the fourth as the same.
  expect([attempts(), store.acceptedParts]).toEqual([4, [0]])
  expect(progress).toEqual([...new Set(progress)].sort((a, b) => a - b))
  expect(progress.at(-1)).toBe(file.byteLength)
})

it('repeats a file whose connection was cut', async () => {
  using ben = await clientOf('ben')
  withoutBackoff()
  const attempts = withFaults('hold')
  const { uploadId, ended } = await startUpload(ben, {})
  await waitUntil('the request has started', () => attempts() === 1)
  store.closeHeldRequests()
  expect(await ended).toMatchObject({ upload: { id: uploadId, state: 'uploaded' } })
  expect(attempts()).toBe(2)
})

it('requests another URL if the first expires during the upload', async () => {
  using cleo = await clientOf('cleo')
  withoutBackoff()
  const fetched = jest.spyOn(globalThis, 'fetch')
  const attempts = withFaults('deny')
  const { upload } = await cleo.upload(file, fields)
  expect(upload.state).toBe('uploaded')
  expect([attempts(), store.acceptedParts]).toEqual([2, [0]])
  const paths = fetched.mock.calls.map(([url]) => new URL(url as string).pathname.split('/').at(-1))
  expect(paths).toEqual(['uploads', upload.id, 'renew', upload.id, 'finalize'])
})

it('ends when it is canceled, while sending or while waiting to retry', async () => {
  using dora = await clientOf('dora')
  for (const fault of ['hold', 'refuse'] as const) {
    const attempts = withFaults(fault)
    const cancelling = new AbortController()
    // The retry would wait for minutes.
    jest.spyOn(Math, 'random').mockReturnValue(1_000)
    const { uploadId, ended } = await startUpload(dora, { signal: cancelling.signal })
    await waitUntil('the store was called', () => attempts() === 1)
    if (fault === 'refuse') await new Promise(resolve => setTimeout(resolve, 50))
    cancelling.abort()
    expect(await ended).toMatchObject({ code: 'upload_canceled', status: 0 })
    expect(await stateOf(dora, uploadId)).toBe('aborted')
    expect(attempts()).toBe(1)
    store.closeHeldRequests()
  }
})

it('ends when the client is closed, and resumes with another one', async () => {
  const hal = await testApp.signIn('hal')
  const before = openClient({ url: hal.url, token: hal.token, transports: ['long-poll'] })
  const attempts = withFaults('hold')
  const { uploadId, ended } = await startUpload(before, {})
  await waitUntil('the request has started', () => attempts() === 1)
  await before.close()
  expect(await ended).toMatchObject({ code: 'client_closed' })
  store.closeHeldRequests()
  using after = openClient({ url: hal.url, token: hal.token })
  const progress: number[] = []
  const upload = await after.resumeUpload(uploadId, file, { onProgress: sentBytes => progress.push(sentBytes) })
  expect(upload).toMatchObject({ id: uploadId, state: 'uploaded' })
  expect([attempts(), progress.at(-1)]).toEqual([2, file.byteLength])
})

it('withdraws a file that the store never accepts, and reports why', async () => {
  using eve = await clientOf('eve')
  withoutBackoff()
  const attempts = withFaults(...Array.from({ length: 20 }, () => 'refuse' as const))
  const { uploadId, ended } = await startUpload(eve, {})
  expect(await ended).toMatchObject({
    code: 'upload_failed',
    cause: new Error('the object store answered 503'),
  })
  expect(attempts()).toBe(8)
  expect(await stateOf(eve, uploadId)).toBe('aborted')
})

it('reports a file that cannot be read, and initiates no upload', async () => {
  using ida = await clientOf('ida')
  const unreadable = new Blob([file])
  const cause = new DOMException('The file was changed', 'NotReadableError')
  jest.spyOn(unreadable, 'arrayBuffer').mockRejectedValue(cause)
  expect(await problemOf(ida.upload(unreadable, fields))).toMatchObject({ code: 'upload_failed', cause })
  expect((await ida.callPage('music-upload.listUploads', {})).data).toEqual([])
})

it('does not resume an upload that was withdrawn elsewhere', async () => {
  const fay = await testApp.signIn('fay')
  using client = openClient({ url: fay.url, token: fay.token, transports: ['long-poll'] })
  withoutBackoff()
  const attempts = withFaults('hold')
  const { uploadId, ended } = await startUpload(client, {})
  await waitUntil('the request has started', () => attempts() === 1)
  await fay.call(abortUpload, { uploadId })
  store.closeHeldRequests()
  expect(await ended).toMatchObject({ code: 'upload_aborted', status: 410 })
  expect(attempts()).toBe(1)
})

it('withdraws a file that differs from the initiated one', async () => {
  using gil = await clientOf('gil')
  const changing = new Blob([file])
  // A file that changed after it was hashed.
  jest.spyOn(changing, 'arrayBuffer').mockResolvedValueOnce(randomBytes(file.byteLength).buffer)
  withoutBackoff()
  const problem = await problemOf(gil.upload(changing, fields))
  expect(problem).toMatchObject({ code: 'upload_failed', cause: new Error('the object store answered 400') })
  const { data } = await gil.callPage('music-upload.listUploads', {})
  expect(data.map(({ state }) => state)).toEqual(['aborted'])
})
