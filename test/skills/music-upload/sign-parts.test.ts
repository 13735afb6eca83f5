import { Upload } from '../../../models'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { renewUpload } from '../../../skills/music-upload/renew-upload'
import { partBytesFor, partBytesMin, partsMax, uploadBytesMax } from '../../../skills/music-upload/rules'
import { signParts } from '../../../skills/music-upload/sign-parts'
import { transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import {
  initiateLargeUpload,
  largeBytes,
  numberRangeInclusive,
  partCount,
  partBytes,
  sendParts,
  sentPartNumbers,
} from './multipart-uploads'
import { uploadInput, putBytes, sha256Of } from './upload-file'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

const sha256 = 'ab'.repeat(32)
const small = Buffer.from('some bytes')

describe.each(transports)('a large file over %s', transport => {
  it('is initiated without its SHA-256, and gets the size and count of its parts', async () => {
    const ann = await testApp.signIn('ann')
    const { upload, putRequest, parts, duplicateOf } = await initiateLargeUpload(ann, {}, { transport })
    expect(upload).toMatchObject({ state: 'initiated', sizeBytes: largeBytes, duplicateOf: null })
    expect({ putRequest, parts, duplicateOf }).toEqual({
      putRequest: null,
      parts: { partBytes: partBytesMin, count: partCount },
      duplicateOf: null,
    })
    const view = await ann.call(getUpload, { uploadId: upload.id }, { transport })
    expect(view).toEqual({ ...upload, parts: { partBytes: partBytesMin, count: partCount, sent: [] } })
  })

  it('has its parts signed one by one, each for exactly its own bytes', async () => {
    const ann = await testApp.signIn('ann')
    const { upload } = await initiateLargeUpload(ann, {}, { transport })
    const last = partBytes(partCount)
    const partsInput = { uploadId: upload.id, parts: [{ number: partCount, sha256: sha256Of(last) }] }
    const [putRequest] = await ann.call(signParts, partsInput, { transport })
    expect(putRequest).toMatchObject({ number: partCount, sizeBytes: 1 })
    const url = new URL(putRequest?.url ?? '')
    expect(url.searchParams.get('X-Amz-SignedHeaders')?.split(';').sort()).toEqual([
      'content-length',
      'host',
      'x-amz-checksum-sha256',
    ])
    expect(Date.parse(putRequest?.expiresAt ?? '') - testApp.clock.now()).toBeLessThanOrEqual(30 * 60_000)
    expect(await putBytes(putRequest ?? null, Buffer.from([~(last[0] ?? 0) & 255]))).toBe(400)
    expect(await putBytes(putRequest ?? null, Buffer.from('xy'))).toBe(403)
    expect(await sentPartNumbers(ann, upload.id)).toEqual([])
    expect(await putBytes(putRequest ?? null, last)).toBe(200)
    const view = await ann.call(getUpload, { uploadId: upload.id }, { transport })
    expect(view.parts?.sent).toEqual([{ number: partCount, sizeBytes: 1, sha256: sha256Of(last) }])
    // A part may be sent again until the upload is finalized.
    expect(await putBytes(putRequest ?? null, last)).toBe(200)
  })

  it('refuses unknown parts, no parts, and too many at once', async () => {
    const ann = await testApp.signIn('ann')
    const { upload } = await initiateLargeUpload(ann, {}, { transport })
    const problemFor = (parts: unknown) => ann.expectProblem(signParts, { uploadId: upload.id, parts }, { transport })
    expect(
      await problemFor([
        { number: 1, sha256 },
        { number: partCount + 1, sha256 },
      ]),
    ).toMatchObject({
      ...{ code: 'invalid_input', status: 400 },
      errors: [{ path: 'parts.1.number', code: 'too_large' }],
    })
    expect(await problemFor([{ number: 0, sha256 }])).toMatchObject({ errors: [{ path: 'parts.0.number' }] })
    expect(await problemFor([{ number: 1 }])).toMatchObject({ errors: [{ path: 'parts.0.sha256', code: 'required' }] })
    expect(await problemFor([])).toMatchObject({ code: 'invalid_input', errors: [{ path: 'parts' }] })
    const many = Array.from({ length: 101 }, () => ({ number: 1, sha256 }))
    expect(await problemFor(many)).toMatchObject({ code: 'invalid_input', errors: [{ path: 'parts' }] })
    expect((await Upload.findByPk(upload.id))?.multipartId).toBeNull()
  })

  it('is not found by others', async () => {
    const [ann, eve] = [await testApp.signIn('ann'), await testApp.signIn('eve')]
    const { upload } = await initiateLargeUpload(ann, {}, { transport })
    const partsInput = { uploadId: upload.id, parts: [{ number: 1, sha256 }] }
    expect(await eve.expectProblem(signParts, partsInput, { transport })).toMatchObject({
      code: 'not_found',
      status: 404,
    })
  })

  it('cannot be sent after it was aborted or has expired', async () => {
    const ann = await testApp.signIn('cleo')
    const partsInputFor = ({ id }: { id: string }) => ({ uploadId: id, parts: [{ number: 1, sha256 }] })
    const { upload: aborted } = await initiateLargeUpload(ann, {}, { transport })
    await ann.call(abortUpload, { uploadId: aborted.id })
    expect(await ann.expectProblem(signParts, partsInputFor(aborted), { transport })).toMatchObject({
      code: 'upload_aborted',
      status: 410,
    })
    const { upload: late } = await initiateLargeUpload(ann, {}, { transport })
    await Upload.update({ expiresAt: new Date(testApp.clock.now() - 1) }, { where: { id: late.id } })
    expect(await ann.expectProblem(signParts, partsInputFor(late), { transport })).toMatchObject({
      code: 'upload_expired',
      status: 410,
    })
    expect(await ann.expectProblem(finalizeUpload, { uploadId: late.id }, { transport })).toMatchObject({
      code: 'upload_expired',
    })
  })

  it('and a small one each have their own way of sending', async () => {
    const ann = await testApp.signIn('dora')
    const { upload: one } = await ann.call(initiateUpload, uploadInput(small), { transport })
    const partsInput = { uploadId: one.id, parts: [{ number: 1, sha256 }] }
    expect(await ann.expectProblem(signParts, partsInput, { transport })).toMatchObject({
      code: 'upload_uses_single_put',
      status: 409,
    })
    expect(await ann.call(getUpload, { uploadId: one.id }, { transport })).not.toHaveProperty('parts')
    const { upload: other } = await initiateLargeUpload(ann, {}, { transport })
    expect(await ann.expectProblem(renewUpload, { uploadId: other.id }, { transport })).toMatchObject({
      code: 'upload_uses_parts',
    })
    const withoutHash = { ...uploadInput(small), sha256: undefined }
    expect(await ann.expectProblem(initiateUpload, withoutHash, { transport })).toMatchObject({
      ...{ code: 'invalid_input', status: 400 },
      errors: [{ path: 'sha256', code: 'required' }],
    })
  })
})

it('opens one multipart upload with the first part, under concurrency', async () => {
  const ann = await testApp.signIn('ben')
  const { upload } = await initiateLargeUpload(ann)
  expect((await Upload.findByPk(upload.id))?.multipartId).toBeNull()
  const statuses = await Promise.all(numberRangeInclusive(1, 4).map(number => sendParts(ann, upload.id, [number])))
  expect(statuses.flat()).toEqual([200, 200, 200, 200])
  expect(await sentPartNumbers(ann, upload.id)).toEqual([1, 2, 3, 4])
  // Concurrent requests had opened others, which a job aborts.
  await testApp.runJobs()
  const { uploads } = await testApp.app.storage.listMultipartUploads(`incoming/${upload.id}`, undefined, 10)
  expect(uploads.map(({ multipartId }) => multipartId)).toEqual([(await Upload.findByPk(upload.id))?.multipartId])
})

it('signs a hundred parts at once, and counts each towards the rate limit', async () => {
  const ben = await testApp.signIn('dan')
  const { upload, parts } = await initiateLargeUpload(ben, { sizeBytes: uploadBytesMax })
  expect(parts).toEqual({ partBytes: 16 * 1024 ** 2, count: 256 })
  const partsInput = { uploadId: upload.id, parts: numberRangeInclusive(157, 256).map(number => ({ number, sha256 })) }
  for (const transport of [...transports, ...transports, ...transports]) {
    const putRequests = await ben.call(signParts, partsInput, { transport })
    expect(putRequests.map(({ number }) => number)).toEqual(numberRangeInclusive(157, 256))
    expect(new Set(putRequests.map(({ sizeBytes }) => sizeBytes))).toEqual(new Set([16 * 1024 ** 2]))
  }
  const problem = await ben.expectProblem(signParts, partsInput)
  expect(problem).toMatchObject({ code: 'too_many_requests', status: 429 })
  expect(problem.retryAfter).toBeGreaterThan(0)
})

it('divides every size into parts that the store accepts', () => {
  const sizes = [largeBytes, 700 * 1024 ** 2, 2 * 1024 ** 3, 2 * 1024 ** 3 + 1, uploadBytesMax]
  for (const size of sizes) {
    const partBytes = partBytesFor(size) ?? 0
    expect(partBytes).toBeGreaterThanOrEqual(5 * 1024 ** 2)
    expect(Math.ceil(size / partBytes)).toBeLessThanOrEqual(partsMax)
  }
  expect(partBytesFor(largeBytes - 1)).toBeNull()
})
