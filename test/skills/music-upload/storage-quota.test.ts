import { Upload } from '../../../models'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { getStorageUsage } from '../../../skills/music-upload/get-storage-usage'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { makeAudio } from '../../make-audio'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { initiateLargeUpload, largeBytes } from './multipart-uploads'
import { uploadInput, sendFile, uploadFile } from './upload-file'

const quotaBytes = 3 * largeBytes
let testApp: TestApp
let file: string
beforeAll(async () => {
  testApp = await createTestApp({ variables: { UPLOAD_QUOTA_BYTES: String(quotaBytes) } })
  file = await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3')
})
afterAll(() => testApp[Symbol.asyncDispose]())

const storageOf = (person: Person) => person.call(getStorageUsage, {})

it.each(transports)(
  'reserves the size of initiated uploads and refuses more than the quota, over %s',
  async transport => {
    const ann = await testApp.signIn(`ann-${transport}`)
    expect(await ann.call(getStorageUsage, {}, { transport })).toEqual({
      ...{ usedBytes: 0, reservedBytes: 0, quotaBytes },
      pendingUploads: 0,
    })
    const { upload } = await initiateLargeUpload(ann, {}, { transport })
    await initiateLargeUpload(ann, {}, { transport })
    const problem = await ann.expectProblem(
      initiateUpload,
      uploadInput(Buffer.from('x'), { sizeBytes: largeBytes + 1 }),
      { transport },
    )
    expect(problem).toMatchObject({
      ...{ code: 'quota_exceeded', status: 409 },
      current: { usedBytes: 0, reservedBytes: 2 * largeBytes, quotaBytes, pendingUploads: 2 },
    })
    // The limit is exact to the byte, and an abort frees its bytes.
    await initiateLargeUpload(ann, {}, { transport })
    await ann.expectProblem(initiateUpload, uploadInput(Buffer.from('x')), { transport })
    await ann.call(abortUpload, { uploadId: upload.id }, { transport })
    await initiateLargeUpload(ann, {}, { transport })
  },
)

it('is not exceeded by concurrent requests on two nodes', async () => {
  const [node0, node1] = [await testApp.signIn('ben', { node: 0 }), await testApp.signIn('ben', { node: 1 })]
  const replies = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      (index % 2 === 0 ? node0 : node1).request(initiateUpload, {
        ...{ fileName: 'a.wav', contentType: 'audio/wav', sizeBytes: largeBytes },
      }),
    ),
  )
  expect(replies.filter(({ data }) => data !== undefined)).toHaveLength(3)
  for (const { error } of replies) if (error !== undefined) expect(error.code).toBe('quota_exceeded')
  expect(await storageOf(node0)).toMatchObject({ reservedBytes: 3 * largeBytes, pendingUploads: 3 })
})

it('counts stored audio until its track is deleted, and no rejected or expired uploads', async () => {
  const cleo = await testApp.signIn('cleo')
  const ready = await uploadFile(testApp, cleo, file)
  expect(ready.state).toBe('ready')
  expect(await storageOf(cleo)).toMatchObject({ usedBytes: ready.sizeBytes, reservedBytes: 0, pendingUploads: 0 })

  expect(await uploadFile(testApp, cleo, Buffer.from('no audio'))).toMatchObject({ state: 'rejected' })
  const { upload: late } = await sendFile(cleo, Buffer.from('late'))
  expect(await storageOf(cleo)).toMatchObject({ usedBytes: ready.sizeBytes, reservedBytes: 4, pendingUploads: 1 })
  await Upload.update({ expiresAt: new Date(testApp.clock.now() - 1) }, { where: { id: late.id } })
  expect(await storageOf(cleo)).toMatchObject({ usedBytes: ready.sizeBytes, reservedBytes: 0, pendingUploads: 0 })

  await cleo.call(deleteTrack, { trackId: ready.trackId })
  expect(await storageOf(cleo)).toMatchObject({ usedBytes: 0, reservedBytes: 0 })
})
