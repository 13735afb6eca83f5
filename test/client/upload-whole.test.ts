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
beforeEach(() => Object.assign(store, { taken: [], mood: () => 'pass' }))
afterEach(() => void jest.restoreAllMocks())

const fields = { fileName: 'song.wav', contentType: 'audio/wav' } as const
const file = randomBytes(300_000)
const stateOf = async (client: TestClient, uploadId: string) =>
  (await client.call('music-upload.getUpload', { uploadId })).state

async function clientOf(name: string): Promise<TestClient> {
  const { url, token } = await testApp.signIn(name)
  return openClient({ url, token, transports: ['long-poll'] })
}

/** The store is in these moods, one after the other, and well then. Answers how often it was asked. */
function inMoods(...moods: PartFault[]): () => number {
  let asked = 0
  store.partFault = () => moods[(asked += 1) - 1] ?? 'pass'
  return () => asked
}

/** An upload under way, and its id as soon as it has one. */
async function begin(client: TestClient, options: { signal?: AbortSignal; onProgress?: (sent: number) => void }) {
  let ended: Promise<unknown> = Promise.resolve()
  const uploadId = await new Promise<string>(resolve => {
    ended = client.upload(file, fields, { onInitiated: ({ id }) => resolve(id), ...options }).catch((e: unknown) => e)
  })
  return { uploadId, ended }
}

it('sends a file again that the store refused, spoiled or took without a word, and never counts back', async () => {
  using ann = await clientOf('ann')
  withoutBackoff()
  const asked = inMoods('refuse', 'spoil', 'lose')
  const progress: number[] = []
  const { upload } = await ann.upload(file, fields, { onProgress: sentBytes => progress.push(sentBytes) })
  expect(upload.state).toBe('uploaded')
  // The store has it since the third, and takes it as the same the fourth time.
  expect([asked(), store.acceptedParts]).toEqual([4, [0]])
  expect(progress).toEqual([...new Set(progress)].sort((a, b) => a - b))
  expect(progress.at(-1)).toBe(file.byteLength)
})

it('sends a file again whose connection was cut', async () => {
  using ben = await clientOf('ben')
  withoutBackoff()
  const asked = inMoods('hold')
  const { uploadId, ended } = await begin(ben, {})
  await waitUntil('it is on its way', () => asked() === 1)
  store.closeHeldRequests()
  expect(await ended).toMatchObject({ upload: { id: uploadId, state: 'uploaded' } })
  expect(asked()).toBe(2)
})

it('asks for another URL when the first has run out on the way', async () => {
  using cleo = await clientOf('cleo')
  withoutBackoff()
  const fetched = jest.spyOn(globalThis, 'fetch')
  const asked = inMoods('deny')
  const { upload } = await cleo.upload(file, fields)
  expect(upload.state).toBe('uploaded')
  expect([asked(), store.acceptedParts]).toEqual([2, [0]])
  const paths = fetched.mock.calls.map(([url]) => new URL(url as string).pathname.split('/').at(-1))
  expect(paths).toEqual(['uploads', upload.id, 'renew', upload.id, 'finalize'])
})

it('ends with a file that is on its way, or waits to be sent again, when it is cancelled', async () => {
  using dora = await clientOf('dora')
  for (const mood of ['hold', 'refuse'] as const) {
    const asked = inMoods(mood)
    const cancelling = new AbortController()
    // The second would wait for minutes.
    jest.spyOn(Math, 'random').mockReturnValue(1_000)
    const { uploadId, ended } = await begin(dora, { signal: cancelling.signal })
    await waitUntil('it was asked', () => asked() === 1)
    if (mood === 'refuse') await new Promise(resolve => setTimeout(resolve, 50))
    cancelling.abort()
    expect(await ended).toMatchObject({ code: 'upload_canceled', status: 0 })
    expect(await stateOf(dora, uploadId)).toBe('aborted')
    expect(asked()).toBe(1)
    store.closeHeldRequests()
  }
})

it('ends when the client is closed, and goes on with another one', async () => {
  const hal = await testApp.signIn('hal')
  const before = openClient({ url: hal.url, token: hal.token, transports: ['long-poll'] })
  const asked = inMoods('hold')
  const { uploadId, ended } = await begin(before, {})
  await waitUntil('it is on its way', () => asked() === 1)
  await before.close()
  expect(await ended).toMatchObject({ code: 'closed' })
  store.closeHeldRequests()
  using after = openClient({ url: hal.url, token: hal.token })
  const progress: number[] = []
  const upload = await after.resumeUpload(uploadId, file, { onProgress: sentBytes => progress.push(sentBytes) })
  expect(upload).toMatchObject({ id: uploadId, state: 'uploaded' })
  expect([asked(), progress.at(-1)]).toEqual([2, file.byteLength])
})

it('gives up what the store never takes, and says why', async () => {
  using eve = await clientOf('eve')
  withoutBackoff()
  const asked = inMoods(...Array.from({ length: 20 }, () => 'refuse' as const))
  const { uploadId, ended } = await begin(eve, {})
  expect(await ended).toMatchObject({
    code: 'upload_failed',
    cause: new Error('the object store answered 503'),
  })
  expect(asked()).toBe(8)
  expect(await stateOf(eve, uploadId)).toBe('aborted')
})

it('says when the file cannot be read, and announces nothing', async () => {
  using ida = await clientOf('ida')
  const gone = new Blob([file])
  const cause = new DOMException('The file was changed', 'NotReadableError')
  jest.spyOn(gone, 'arrayBuffer').mockRejectedValue(cause)
  expect(await problemOf(ida.upload(gone, fields))).toMatchObject({ code: 'upload_failed', cause })
  expect((await ida.callPage('music-upload.listUploads', {})).data).toEqual([])
})

it('does not go on with what was given up elsewhere', async () => {
  const fay = await testApp.signIn('fay')
  using client = openClient({ url: fay.url, token: fay.token, transports: ['long-poll'] })
  withoutBackoff()
  const asked = inMoods('hold')
  const { uploadId, ended } = await begin(client, {})
  await waitUntil('it is on its way', () => asked() === 1)
  await fay.call(abortUpload, { uploadId })
  store.closeHeldRequests()
  expect(await ended).toMatchObject({ code: 'upload_aborted', status: 410 })
  expect(asked()).toBe(1)
})

it('gives up what is not what was announced', async () => {
  using gil = await clientOf('gil')
  const changing = new Blob([file])
  // A file that was written to after it was hashed.
  jest.spyOn(changing, 'arrayBuffer').mockResolvedValueOnce(randomBytes(file.byteLength).buffer)
  withoutBackoff()
  const problem = await problemOf(gil.upload(changing, fields))
  expect(problem).toMatchObject({ code: 'upload_failed', cause: new Error('the object store answered 400') })
  const { data } = await gil.callPage('music-upload.listUploads', {})
  expect(data.map(({ state }) => state)).toEqual(['aborted'])
})
