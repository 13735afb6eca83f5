import { Upload } from '../../../models'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { pendingUploadsMax, uploadBytesMax } from '../../../skills/music-upload/rules'
import { makeAudio } from '../../make-audio'
import { transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { uploadInput, putTargetOf, putBytes, sendFile, uploadFile, type UploadInput } from './upload-file'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

const bytes = Buffer.from('some bytes')

describe.each(transports)('initiating an upload over %s', transport => {
  it('answers with a PUT to a generated key that accepts exactly that file, once', async () => {
    const ann = await testApp.signIn('ann')
    const options = { fileName: '../../x/..mp3' }
    const { upload, putRequest, parts, duplicateOf } = await ann.call(initiateUpload, uploadInput(bytes, options), {
      transport,
    })
    const putTarget = putTargetOf(putRequest)
    expect(parts).toBeNull()
    expect(upload).toMatchObject({ state: 'initiated', step: null, progress: 0, trackId: null, error: null })
    expect(duplicateOf).toBeNull()

    const url = new URL(putTarget.url)
    expect(url.pathname.endsWith(`/incoming/${upload.id}`)).toBe(true)
    expect(url.searchParams.get('X-Amz-SignedHeaders')?.split(';')).toEqual(
      expect.arrayContaining(['content-length', 'content-type', 'host', 'if-none-match', 'x-amz-checksum-sha256']),
    )
    expect(Date.parse(putTarget.expiresAt) - testApp.clock.now()).toBeLessThanOrEqual(30 * 60_000)

    expect(await putBytes(putTarget, Buffer.from('other byte'))).toBe(400)
    expect(await putBytes(putTarget, Buffer.from('many more bytes'))).toBe(403)
    expect(
      await putBytes({ ...putTarget, headers: { ...putTarget.headers, 'content-type': 'text/html' } }, bytes),
    ).toBe(403)
    expect(await putBytes(putTarget, bytes)).toBe(200)
    expect(await putBytes(putTarget, bytes)).toBe(412)
  })

  it('answers the same for the same idempotency key', async () => {
    const ann = await testApp.signIn(`ann-${transport}`)
    const first = await ann.call(initiateUpload, uploadInput(bytes), { transport, idempotencyKey: 'one' })
    const again = await ann.call(initiateUpload, uploadInput(bytes), { transport, idempotencyKey: 'one' })
    expect(again).toEqual(first)
    const other = await ann.expectProblem(initiateUpload, uploadInput(bytes, { title: 'Other' }), {
      transport,
      idempotencyKey: 'one',
    })
    expect(other).toMatchObject({ code: 'idempotency_key_reused', status: 422 })
    expect(await Upload.count({ where: { ownerId: ann.id } })).toBe(1)
  })

  it.each<[string, UploadInput | { contentType: string }]>([
    ['sizeBytes', { sizeBytes: 0 }],
    ['sizeBytes', { sizeBytes: -1 }],
    ['sizeBytes', { sizeBytes: uploadBytesMax + 1 }],
    ['contentType', { contentType: 'text/html' }],
    ['contentType', { contentType: 'video/mp4' }],
    ['sha256', { sha256: 'ABC' }],
    ['title', { title: 'x'.repeat(10_000) }],
    ['fileName', { fileName: 'a\u0000b' }],
  ])('refuses an invalid %s', async (path, options) => {
    const ann = await testApp.signIn('ann')
    const problem = await ann.expectProblem(initiateUpload, { ...uploadInput(bytes), ...options }, { transport })
    expect(problem).toMatchObject({ code: 'invalid_input', errors: [{ path }] })
  })
})

it('limits the pending uploads of a person, also under concurrency', async () => {
  const ann = await testApp.signIn('busy')
  const replies = await Promise.all(
    Array.from({ length: pendingUploadsMax + 6 }, () => ann.request(initiateUpload, uploadInput(bytes))),
  )
  expect(replies.filter(({ data }) => data !== undefined)).toHaveLength(pendingUploadsMax)
  for (const { error } of replies)
    if (error !== undefined) expect(error).toMatchObject({ code: 'too_many_uploads', status: 429 })

  // The limit is free again when the first upload expires.
  const [one, other] = await Upload.findAll({ where: { ownerId: ann.id } })
  await other?.update({ expiresAt: new Date(testApp.clock.now() + 90_500) })
  for (const transport of transports) {
    const { error, headers } = await ann.request(initiateUpload, uploadInput(bytes), { transport })
    expect(error).toMatchObject({ code: 'too_many_uploads', status: 429 })
    expect(Math.abs((error?.retryAfter ?? 0) - 90)).toBeLessThan(10)
    if (transport === 'rest') expect(headers?.get('retry-after')).toBe(String(error?.retryAfter))
  }
  await ann.call(abortUpload, { uploadId: one?.id ?? '' })
  await ann.call(initiateUpload, uploadInput(bytes))
  await ann.expectProblem(initiateUpload, uploadInput(bytes))
})

it('names a track of the same artist with the same bytes, and of nobody else', async () => {
  const [ann, bob] = [await testApp.signIn('ann-twice'), await testApp.signIn('bob')]
  const file = await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3')
  const { trackId } = await uploadFile(testApp, ann, file)
  expect(await sendFile(ann, file)).toMatchObject({ duplicateOf: trackId })
  expect(await sendFile(bob, file)).toMatchObject({ duplicateOf: null })
})
