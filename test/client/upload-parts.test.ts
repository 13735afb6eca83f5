import { randomBytes } from 'node:crypto'
import { type UploadOptions } from '../../client'
import { largeBytes, numbers, partCount, partOf } from '../skills/music-upload/parts'
import { freshWorld, type TestWorld } from '../world'
import { openClient, problemOf, type TestClient, until, withoutPauses } from './clients'
import { type WatchedStore, watchedStore } from '../skills/music-upload/watched-store'

let world: TestWorld
let store: WatchedStore
jest.setTimeout(60_000)
beforeAll(async () => {
  store = await watchedStore()
  world = await freshWorld({ nodes: 1, variables: { S3_ENDPOINT: store.endpoint } })
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})
beforeEach(() => Object.assign(store, { taken: [], mostAtOnce: 0, mood: () => 'pass' }))
afterEach(() => void jest.restoreAllMocks())

const fields = { fileName: 'set.wav', contentType: 'audio/wav' } as const
const file = new Blob(numbers(1, partCount).map(number => partOf(number)))
const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b)
const stateOf = async (client: TestClient, uploadId: string) =>
  (await client.call('music-upload.getUpload', { uploadId })).state

async function clientOf(name: string): Promise<TestClient> {
  const { url, token } = await world.person(name)
  return openClient({ url, token, transports: ['long-poll'] })
}

/** Begins an upload and answers its id as soon as it has one. */
async function begin(client: TestClient, options: UploadOptions = {}) {
  let ended: Promise<unknown> = Promise.resolve()
  const uploadId = await new Promise<string>(resolve => {
    ended = client
      .upload(file, fields, { onBegun: ({ id }) => resolve(id), ...options })
      .catch((error: unknown) => error)
  })
  return { uploadId, ended }
}

it('sends a large file in parts, some at once, and those again that did not arrive as they are', async () => {
  using ann = await clientOf('ann')
  const tries = new Map<number, number>()
  store.mood = number => {
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
  expect(sorted(store.taken)).toEqual(numbers(1, partCount))
  expect([tries.get(1), tries.get(2), tries.get(5)]).toEqual([1, 2, 2])
  expect(store.mostAtOnce).toBeLessThanOrEqual(3)
  expect(progress).toEqual(sorted(progress))
  expect(progress.at(-1)).toBe(1)
})

it('goes on in another life with what is missing', async () => {
  const before = await clientOf('ben')
  store.mood = number => (number > 2 ? 'hold' : 'pass')
  const { uploadId, ended } = await begin(before)
  await until('two parts are there, and three on their way', () => store.taken.length === 2 && store.mostAtOnce === 3)
  await before.close()
  store.drop()
  expect(await ended).toMatchObject({ code: 'closed' })

  Object.assign(store, { taken: [], mood: () => 'pass' })
  using after = await clientOf('ben')
  expect(await stateOf(after, uploadId)).toBe('initiated')
  const progress: number[] = []
  const upload = await after.resumeUpload(uploadId, file, { onProgress: sentBytes => progress.push(sentBytes) })
  expect(upload).toMatchObject({ id: uploadId, state: 'uploaded' })
  expect(sorted(store.taken)).toEqual(numbers(3, partCount))
  expect(progress.at(-1)).toBe(largeBytes)

  // And once more, when the answer was lost.
  expect(await after.resumeUpload(uploadId, file)).toEqual(upload)
  expect(store.taken).toHaveLength(partCount - 2)
})

it('gives up what is cancelled, or keeps it, and sends parts of a file that changed since once more', async () => {
  using cleo = await clientOf('cleo')
  store.mood = number => (number === 1 || number === 9 ? 'pass' : 'hold')
  const [gone, kept] = [new AbortController(), new AbortController()]
  const first = await begin(cleo, { signal: gone.signal })
  await until('a part is there', () => store.taken.length === 1)
  gone.abort()
  expect(await first.ended).toMatchObject({ code: 'upload_cancelled', status: 0 })
  expect(await stateOf(cleo, first.uploadId)).toBe('aborted')
  expect(await problemOf(cleo.resumeUpload(first.uploadId, file))).toMatchObject({
    code: 'upload_aborted',
    status: 410,
  })

  const second = await begin(cleo, { signal: kept.signal, keep: true })
  await until('another one is there', () => store.taken.length === 2)
  kept.abort()
  expect(await second.ended).toMatchObject({ code: 'upload_cancelled' })
  expect(await stateOf(cleo, second.uploadId)).toBe('initiated')
  const other = await problemOf(cleo.resumeUpload(second.uploadId, new Blob(['x'])))
  expect(other).toMatchObject({ code: 'other_file', status: 0 })

  Object.assign(store, { taken: [], mood: () => 'pass' })
  const changed = new Blob([randomBytes(1_000), file.slice(1_000)])
  expect(await cleo.resumeUpload(second.uploadId, changed)).toMatchObject({ state: 'uploaded' })
  expect(sorted(store.taken)).toEqual(numbers(1, partCount))
})

it('resumes and cancels a small file as well', async () => {
  using dora = await clientOf('dora')
  withoutPauses()
  const small = randomBytes(1_000)
  store.mood = () => 'refuse'
  let uploadId = ''
  const options = { keep: true, onBegun: ({ id }: { id: string }) => void (uploadId = id) }
  expect(await problemOf(dora.upload(small, fields, options))).toMatchObject({ code: 'upload_failed' })
  store.mood = () => 'pass'
  expect(await dora.resumeUpload(uploadId, small)).toMatchObject({ id: uploadId, state: 'uploaded' })

  const signal = AbortSignal.abort()
  expect(await problemOf(dora.upload(small, fields, { ...options, keep: false, signal }))).toMatchObject({
    code: 'upload_cancelled',
  })
  expect(await stateOf(dora, uploadId)).toBe('aborted')
})
