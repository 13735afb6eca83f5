import { readFile } from 'node:fs/promises'
import { type UploadOptions } from '../../client'
import { makeAudio } from '../make-audio'
import { largeBytes, numberRangeInclusive, partCount, partBytes } from '../skills/music-upload/multipart-uploads'
import { type FaultInjectingStore, startFaultInjectingStore } from '../skills/music-upload/fault-injecting-store'
import { createTestApp, type TestApp } from '../test-app'
import { openClient, problemOf, type TestClient, waitUntil } from './open-client'

let testApp: TestApp
let store: FaultInjectingStore
let oldAudio: Buffer
let newAudio: Buffer
jest.setTimeout(60_000)
beforeAll(async () => {
  store = await startFaultInjectingStore()
  testApp = await createTestApp({ nodes: 1, variables: { S3_ENDPOINT: store.endpoint } })
  const { ffmpeg } = testApp.app.config.tools
  oldAudio = await readFile(await makeAudio(ffmpeg, 'mp3', { seconds: 2 }))
  newAudio = await readFile(await makeAudio(ffmpeg, 'flac', { seconds: 1 }))
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})
beforeEach(() => Object.assign(store, { acceptedParts: [], partFault: () => 'pass' }))

const flac = { fileName: 'remaster.flac', contentType: 'audio/flac' } as const
const large = new Blob(numberRangeInclusive(1, partCount).map(number => partBytes(number)))
const trackOf = (client: TestClient, trackId: string) => client.call('tracks.getTrack', { trackId })

/** A person with a ready track. */
async function artist(name: string): Promise<{ client: TestClient; trackId: string }> {
  const { url, token } = await testApp.signIn(name)
  const client = openClient({ url, token })
  const { upload } = await client.upload(oldAudio, { fileName: 'bus.mp3', contentType: 'audio/mpeg', title: 'Bus' })
  await testApp.runJobs()
  store.acceptedParts = []
  return { client, trackId: upload.trackId ?? '' }
}

/** Starts a replacement, and resolves once it has an id. */
async function startReplacement(client: TestClient, trackId: string, file: Blob | Buffer, options: UploadOptions) {
  let ended: Promise<unknown> = Promise.resolve()
  const uploadId = await new Promise<string>(resolve => {
    const more = { onInitiated: ({ id }: { id: string }) => resolve(id), ...options }
    ended = client.replaceAudio(trackId, file, flac, more).catch((error: unknown) => error)
  })
  return { uploadId, ended }
}

it('uploads new audio for a track; the old audio plays until the new is ready', async () => {
  const { client, trackId } = await artist('ann')
  using ann = client
  const before = await trackOf(ann, trackId)
  const progress: number[] = []
  const trackIds: (string | null)[] = []
  const upload = await ann.replaceAudio(trackId, new Blob([newAudio]), flac, {
    onInitiated: ({ trackId: of }) => trackIds.push(of),
    onProgress: (sentBytes, totalBytes) => progress.push(sentBytes / totalBytes),
  })
  expect(upload).toMatchObject({ state: 'uploaded', replacesAudio: true, trackId, sizeBytes: newAudio.length })
  expect([trackIds, progress.at(-1)]).toEqual([[trackId], 1])
  expect(await trackOf(ann, trackId)).toEqual(before)
  expect((await fetch((await ann.call('streaming.grantStream', { trackId })).url)).status).toBe(200)

  await testApp.runJobs()
  const { audioVersion, title, rev } = await trackOf(ann, trackId)
  expect([audioVersion, title, rev]).toEqual([upload.id, 'Bus', before.rev + 1])
})

it('resumes a replacement with another client, in parts', async () => {
  const { client: before, trackId } = await artist('ben')
  const track = await trackOf(before, trackId)
  store.partFault = number => (number > 2 ? 'hold' : 'pass')
  const { uploadId, ended } = await startReplacement(before, trackId, large, {})
  await waitUntil('two parts have arrived', () => store.acceptedParts.length === 2)
  await before.close()
  store.closeHeldRequests()
  expect(await ended).toMatchObject({ code: 'client_closed' })

  Object.assign(store, { acceptedParts: [], partFault: () => 'pass' })
  const { url, token } = await testApp.signIn('ben')
  using after = openClient({ url, token })
  expect(await after.resumeUpload(uploadId, large)).toMatchObject({
    ...{ id: uploadId, trackId, replacesAudio: true, state: 'uploaded', sizeBytes: largeBytes },
  })
  expect([...store.acceptedParts].sort()).toEqual(numberRangeInclusive(3, partCount))
  // The parts are not audio.
  await testApp.runJobs()
  expect(await after.call('music-upload.getUpload', { uploadId })).toMatchObject({ state: 'rejected' })
  expect(await trackOf(after, trackId)).toEqual(track)
})

it.each([
  ['a small file', () => newAudio],
  ['parts', () => large],
])('keeps the old audio if it is canceled, as %s', async (name, file) => {
  const { client, trackId } = await artist(name.replaceAll(' ', '-'))
  using cleo = client
  const before = await trackOf(cleo, trackId)
  let attempts = 0
  store.partFault = () => {
    attempts += 1
    return 'hold'
  }
  const cancelling = new AbortController()
  const { uploadId, ended } = await startReplacement(cleo, trackId, file(), { signal: cancelling.signal })
  await waitUntil('the request has started', () => attempts > 0)
  cancelling.abort()
  expect(await ended).toMatchObject({ code: 'upload_canceled', status: 0 })
  store.closeHeldRequests()
  expect(await cleo.call('music-upload.getUpload', { uploadId })).toMatchObject({ state: 'aborted' })
  await testApp.runJobs()
  expect(await trackOf(cleo, trackId)).toEqual(before)
})

it('resumes a replacement that was kept and had to wait for another one', async () => {
  const { client, trackId } = await artist('fay')
  using fay = client
  const first = await fay.replaceAudio(trackId, newAudio, flac)
  let uploadId = ''
  const options = { keepOnFailure: true, onInitiated: ({ id }: { id: string }) => void (uploadId = id) }
  const refused = await problemOf(fay.replaceAudio(trackId, oldAudio, { ...flac, contentType: 'audio/mpeg' }, options))
  expect(refused).toMatchObject({ code: 'replacement_pending', status: 409 })
  await testApp.runJobs()
  expect((await trackOf(fay, trackId)).audioVersion).toBe(first.id)
  expect(await fay.resumeUpload(uploadId, oldAudio)).toMatchObject({ state: 'uploaded' })
  await testApp.runJobs()
  expect((await trackOf(fay, trackId)).audioVersion).toBe(uploadId)
})

it('rejects if the track is missing, not owned, or already being replaced', async () => {
  const { client, trackId } = await artist('dora')
  using dora = client
  const { url, token } = await testApp.signIn('eve')
  using eve = openClient({ url, token })
  const unknownId = trackId.replace(/.{12}$/, '000000000000')
  expect(await problemOf(eve.replaceAudio(unknownId, newAudio, flac))).toMatchObject({ code: 'not_found' })
  expect(await problemOf(eve.replaceAudio(trackId, newAudio, flac))).toMatchObject({ status: 403 })
  const { upload } = await dora.upload(newAudio, flac)
  const processingId = upload.trackId ?? ''
  const again = dora.replaceAudio(processingId, newAudio, flac)
  expect(await problemOf(again)).toMatchObject({ code: 'replacement_pending', status: 409 })
  expect(await problemOf(dora.replaceAudio(trackId, new Blob([]), flac))).toMatchObject({ code: 'invalid_input' })
})
