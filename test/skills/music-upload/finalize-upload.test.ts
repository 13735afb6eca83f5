import { Track, Upload } from '../../../models'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { makeAudio } from '../../make-audio'
import { transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { uploadInput, putBytes, sendFile } from './upload-file'
import { type UnreliableStore, startUnreliableStore } from './unreliable-store'

let testApp: TestApp
let store: UnreliableStore
let file: string
beforeAll(async () => {
  store = await startUnreliableStore()
  testApp = await createTestApp({ variables: { S3_ENDPOINT: store.endpoint } })
  file = await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3')
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const bytes = Buffer.from('some bytes')

describe.each(transports)('finalizing over %s', transport => {
  it('creates one track and one job for concurrent requests', async () => {
    const ann = await testApp.signIn('ann')
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    const { upload } = await sendFile(ann, file)
    const input = { uploadId: upload.id }
    const answers = await Promise.all(Array.from({ length: 20 }, () => ann.call(finalizeUpload, input, { transport })))
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(answers[0]).toMatchObject({ state: 'uploaded' })

    await testApp.runJobs()
    const again = await ann.call(finalizeUpload, input, { transport })
    expect(again).toMatchObject({ state: 'ready', trackId: answers[0]?.trackId })
    expect(await Track.count({ where: { ownerId: ann.id, id: again.trackId ?? '' } })).toBe(1)
    await recorder.waitFor('tracks.trackPublished', ({ trackId }) => trackId === again.trackId)
    const states = recorder.events.flatMap(({ name, data }) => (name.endsWith('uploadChanged') ? [data.upload] : []))
    expect(states.filter(view => (view as { state: string; id: string }).state === 'uploaded')).toHaveLength(1)
  })

  it('requires the file', async () => {
    const ann = await testApp.signIn('ann')
    const { upload } = await ann.call(initiateUpload, uploadInput(bytes), { transport })
    const input = { uploadId: upload.id }
    expect(await ann.expectProblem(finalizeUpload, input, { transport })).toMatchObject({
      code: 'file_missing',
      status: 409,
    })
    expect(await ann.call(getUpload, input, { transport })).toEqual(upload)
  })

  it('is not found by others', async () => {
    const [ann, eve] = [await testApp.signIn('ann'), await testApp.signIn('eve')]
    const { upload } = await sendFile(ann, bytes)
    for (const op of [finalizeUpload, getUpload, abortUpload])
      expect(await eve.expectProblem(op, { uploadId: upload.id }, { transport })).toMatchObject({
        code: 'not_found',
      })
    expect(await ann.call(getUpload, { uploadId: upload.id }, { transport })).toMatchObject({
      state: 'initiated',
    })
  })

  it('is refused for an aborted upload', async () => {
    const ann = await testApp.signIn('ann')
    const { upload } = await sendFile(ann, bytes)
    await ann.call(abortUpload, { uploadId: upload.id }, { transport })
    const problem = await ann.expectProblem(finalizeUpload, { uploadId: upload.id }, { transport })
    expect(problem).toMatchObject({ code: 'upload_aborted', status: 410 })
  })
})

it('refuses a file that is not the declared one', async () => {
  const ann = await testApp.signIn('ann')
  for (const other of ['other byte', 'some bytes and more']) {
    const { upload } = await ann.call(initiateUpload, uploadInput(bytes))
    await testApp.app.storage.put(`incoming/${upload.id}`, Buffer.from(other), 'audio/mpeg')
    const problem = await ann.request(finalizeUpload, { uploadId: upload.id })
    if (other.length === bytes.length) {
      // The object was stored without a checksum, so the worker detects the mismatch.
      await testApp.runJobs()
      expect(await ann.call(getUpload, { uploadId: upload.id })).toMatchObject({
        state: 'rejected',
        error: { code: 'file_mismatch' },
      })
    } else expect(problem.error).toMatchObject({ code: 'file_mismatch', status: 422 })
  }
})

it('serves the file as finalized, whatever is put at its key afterwards', async () => {
  const ann = await testApp.signIn('ann')
  const { upload, putRequest } = await sendFile(ann, file)
  const { trackId } = await ann.call(finalizeUpload, { uploadId: upload.id })
  await testApp.app.storage.put(`incoming/${upload.id}`, Buffer.from('evil'), 'text/html')
  await testApp.runJobs()
  expect(await ann.call(getUpload, { uploadId: upload.id })).toMatchObject({
    state: 'rejected',
    error: { code: 'file_mismatch' },
  })
  const next = await sendFile(ann, file)
  const second = await ann.call(finalizeUpload, { uploadId: next.upload.id })
  await testApp.runJobs()
  const ready = await Track.findByPk(second.trackId ?? '')
  await testApp.app.storage.put(`incoming/${next.upload.id}`, Buffer.from('evil'), 'text/html')
  const served = await testApp.app.storage.get(ready?.audioKey ?? '')
  expect(served?.length).toBe(next.upload.sizeBytes)
  expect(await putBytes(putRequest, Buffer.alloc(upload.sizeBytes))).not.toBe(200)
  expect((await Track.findByPk(trackId ?? ''))?.state).toBe('failed')
})

it('answers unavailable and changes nothing while the store is down, and works afterwards', async () => {
  const ann = await testApp.signIn('ann')
  const { upload } = await sendFile(ann, file)
  store.isDown = true
  const problem = await ann.expectProblem(finalizeUpload, { uploadId: upload.id })
  expect(problem).toMatchObject({ code: 'unavailable', status: 503 })
  expect(problem.retryAfter).toBeGreaterThan(0)
  expect(await ann.call(getUpload, { uploadId: upload.id })).toEqual(upload)
  store.isDown = false
  expect(await ann.call(finalizeUpload, { uploadId: upload.id })).toMatchObject({ state: 'uploaded' })
})

it('is refused after the upload expired', async () => {
  const ann = await testApp.signIn('ann')
  const { id } = (await sendFile(ann, bytes)).upload
  await Upload.update({ expiresAt: new Date(testApp.clock.now() - 1) }, { where: { id } })
  const problem = await ann.expectProblem(finalizeUpload, { uploadId: id })
  expect(problem).toMatchObject({ code: 'upload_expired', status: 410 })
})
