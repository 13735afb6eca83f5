import { readFile } from 'node:fs/promises'
import { type UploadOptions } from '../../client'
import { makeAudio } from '../make-audio'
import { largeBytes, numberRangeInclusive, partCount, partBytes } from '../skills/music-upload/multipart-uploads'
import { type FaultInjectingStore, startFaultInjectingStore } from '../skills/music-upload/fault-injecting-store'
import { createTestApp, type TestApp } from '../test-app'
import { openClient, problemOf, type TestClient, waitUntil } from './open-client'

let testApp: TestApp
let store: FaultInjectingStore
let old: Buffer
let fresh: Buffer
jest.setTimeout(60_000)
beforeAll(async () => {
  store = await startFaultInjectingStore()
  testApp = await createTestApp({ nodes: 1, variables: { S3_ENDPOINT: store.endpoint } })
  const { ffmpeg } = testApp.app.config.tools
  old = await readFile(await makeAudio(ffmpeg, 'mp3', { seconds: 2 }))
  fresh = await readFile(await makeAudio(ffmpeg, 'flac', { seconds: 1 }))
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})
beforeEach(() => Object.assign(store, { taken: [], mood: () => 'pass' }))

const flac = { fileName: 'remaster.flac', contentType: 'audio/flac' } as const
const large = new Blob(numberRangeInclusive(1, partCount).map(number => partBytes(number)))
const trackOf = (client: TestClient, trackId: string) => client.call('tracks.getTrack', { trackId })

/** Somebody with a track that plays. */
async function artist(name: string): Promise<{ client: TestClient; trackId: string }> {
  const { url, token } = await testApp.signIn(name)
  const client = openClient({ url, token })
  const { upload } = await client.upload(old, { fileName: 'bus.mp3', contentType: 'audio/mpeg', title: 'Bus' })
  await testApp.runJobs()
  store.acceptedParts = []
  return { client, trackId: upload.trackId ?? '' }
}

/** A replacement under way, and its id as soon as it has one. */
async function begin(client: TestClient, trackId: string, file: Blob | Buffer, options: UploadOptions) {
  let ended: Promise<unknown> = Promise.resolve()
  const uploadId = await new Promise<string>(resolve => {
    const more = { onInitiated: ({ id }: { id: string }) => resolve(id), ...options }
    ended = client.replaceAudio(trackId, file, flac, more).catch((error: unknown) => error)
  })
  return { uploadId, ended }
}

it('sends new audio for a track; the old plays until the new is ready', async () => {
  const { client, trackId } = await artist('ann')
  using ann = client
  const before = await trackOf(ann, trackId)
  const progress: number[] = []
  const begun: (string | null)[] = []
  const upload = await ann.replaceAudio(trackId, new Blob([fresh]), flac, {
    onInitiated: ({ trackId: of }) => begun.push(of),
    onProgress: (sentBytes, totalBytes) => progress.push(sentBytes / totalBytes),
  })
  expect(upload).toMatchObject({ state: 'uploaded', replacesAudio: true, trackId, sizeBytes: fresh.length })
  expect([begun, progress.at(-1)]).toEqual([[trackId], 1])
  expect(await trackOf(ann, trackId)).toEqual(before)
  expect((await fetch((await ann.call('streaming.grantStream', { trackId })).url)).status).toBe(200)

  await testApp.runJobs()
  const { audioVersion, title, rev } = await trackOf(ann, trackId)
  expect([audioVersion, title, rev]).toEqual([upload.id, 'Bus', before.rev + 1])
})

it('goes on with a replacement in another life, in parts', async () => {
  const { client: before, trackId } = await artist('ben')
  const track = await trackOf(before, trackId)
  store.partFault = number => (number > 2 ? 'hold' : 'pass')
  const { uploadId, ended } = await begin(before, trackId, large, {})
  await waitUntil('two parts are there', () => store.acceptedParts.length === 2)
  await before.close()
  store.closeHeldRequests()
  expect(await ended).toMatchObject({ code: 'closed' })

  Object.assign(store, { taken: [], mood: () => 'pass' })
  const { url, token } = await testApp.signIn('ben')
  using after = openClient({ url, token })
  expect(await after.resumeUpload(uploadId, large)).toMatchObject({
    ...{ id: uploadId, trackId, replacesAudio: true, state: 'uploaded', sizeBytes: largeBytes },
  })
  expect([...store.acceptedParts].sort()).toEqual(numberRangeInclusive(3, partCount))
  // What was sent is no music.
  await testApp.runJobs()
  expect(await after.call('music-upload.getUpload', { uploadId })).toMatchObject({ state: 'rejected' })
  expect(await trackOf(after, trackId)).toEqual(track)
})

it.each([
  ['a small file', () => fresh],
  ['parts', () => large],
])('leaves the old audio when it is cancelled, as %s', async (name, file) => {
  const { client, trackId } = await artist(name.replaceAll(' ', '-'))
  using cleo = client
  const before = await trackOf(cleo, trackId)
  let asked = 0
  store.partFault = () => {
    asked += 1
    return 'hold'
  }
  const cancelling = new AbortController()
  const { uploadId, ended } = await begin(cleo, trackId, file(), { signal: cancelling.signal })
  await waitUntil('it is on its way', () => asked > 0)
  cancelling.abort()
  expect(await ended).toMatchObject({ code: 'upload_canceled', status: 0 })
  store.closeHeldRequests()
  expect(await cleo.call('music-upload.getUpload', { uploadId })).toMatchObject({ state: 'aborted' })
  await testApp.runJobs()
  expect(await trackOf(cleo, trackId)).toEqual(before)
})

it('waits for its turn when it is kept, and goes on then', async () => {
  const { client, trackId } = await artist('fay')
  using fay = client
  const first = await fay.replaceAudio(trackId, fresh, flac)
  let uploadId = ''
  const options = { keepOnFailure: true, onInitiated: ({ id }: { id: string }) => void (uploadId = id) }
  const refused = await problemOf(fay.replaceAudio(trackId, old, { ...flac, contentType: 'audio/mpeg' }, options))
  expect(refused).toMatchObject({ code: 'replacement_pending', status: 409 })
  await testApp.runJobs()
  expect((await trackOf(fay, trackId)).audioVersion).toBe(first.id)
  expect(await fay.resumeUpload(uploadId, old)).toMatchObject({ state: 'uploaded' })
  await testApp.runJobs()
  expect((await trackOf(fay, trackId)).audioVersion).toBe(uploadId)
})

it('throws what is refused: a track that is not there, not yours, or has other audio in the making', async () => {
  const { client, trackId } = await artist('dora')
  using dora = client
  const { url, token } = await testApp.signIn('eve')
  using eve = openClient({ url, token })
  const nowhere = trackId.replace(/.{12}$/, '000000000000')
  expect(await problemOf(eve.replaceAudio(nowhere, fresh, flac))).toMatchObject({ code: 'not_found' })
  expect(await problemOf(eve.replaceAudio(trackId, fresh, flac))).toMatchObject({ status: 403 })
  const { upload } = await dora.upload(fresh, flac)
  const unborn = upload.trackId ?? ''
  const again = dora.replaceAudio(unborn, fresh, flac)
  expect(await problemOf(again)).toMatchObject({ code: 'replacement_pending', status: 409 })
  expect(await problemOf(dora.replaceAudio(trackId, new Blob([]), flac))).toMatchObject({ code: 'invalid_input' })
})
