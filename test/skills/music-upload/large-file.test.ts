import { readFile } from 'node:fs/promises'
import { Upload } from '../../../models'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { makeAudio } from '../../make-audio'
import { createTestApp, type TestApp } from '../../test-app'
import { initiateLargeUpload, numberRangeInclusive, sendParts } from './multipart-uploads'
import { sha256Of } from './upload-file'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

it('becomes a track, and is recognised by its content afterwards', async () => {
  const ann = await testApp.signIn('ann')
  // Three minutes of 16 bit, 192 kHz, in one channel: 66 MiB.
  const source = 'sine=f=440:r=192000'
  const path = await makeAudio(testApp.app.config.tools.ffmpeg, 'wav', { seconds: 180, source })
  const bytes = await readFile(path)
  const file = { fileName: 'set.wav', contentType: 'audio/wav', sizeBytes: bytes.length } as const
  const sendInParts = async (options = {}) => {
    const { upload, parts } = await ann.call(initiateUpload, { ...file, ...options })
    const { partBytes, count } = parts ?? { partBytes: 0, count: 0 }
    const bytesOf = (number: number) => bytes.subarray((number - 1) * partBytes, number * partBytes)
    const statuses = await sendParts(ann, upload.id, numberRangeInclusive(1, count), bytesOf)
    expect(new Set(statuses)).toEqual(new Set([200]))
    await ann.call(finalizeUpload, { uploadId: upload.id })
    await testApp.runJobs()
    return ann.call(getUpload, { uploadId: upload.id })
  }
  const first = await sendInParts()
  expect(first).toMatchObject({ state: 'ready', error: null, duplicateOf: null })
  expect((await Upload.findByPk(first.id))?.sha256).toBe(sha256Of(bytes))

  // The hash is unknown until the worker has read the file.
  expect(await sendInParts()).toMatchObject({ state: 'ready', duplicateOf: first.trackId })
  const initiated = await ann.call(initiateUpload, { ...file, sha256: sha256Of(bytes) })
  expect(initiated.upload.duplicateOf).toBe(initiated.duplicateOf)
  expect(initiated.duplicateOf).not.toBeNull()
}, 60_000)

it('with another hash than declared is rejected by the worker', async () => {
  const ben = await testApp.signIn('ben')
  const { upload } = await initiateLargeUpload(ben, { sha256: 'ab'.repeat(32) })
  await sendParts(ben, upload.id, numberRangeInclusive(1, 9))
  await ben.call(finalizeUpload, { uploadId: upload.id })
  await testApp.runJobs()
  expect(await ben.call(getUpload, { uploadId: upload.id })).toMatchObject({
    ...{ state: 'rejected', duplicateOf: null },
    error: { code: 'file_mismatch' },
  })
})
