import { Upload } from '../../../models'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { renewUpload } from '../../../skills/music-upload/renew-upload'
import { partBytesFor, partBytesMin, partsMax, uploadBytesMax } from '../../../skills/music-upload/rules'
import { signParts } from '../../../skills/music-upload/sign-parts'
import { doors } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { announceLarge, largeBytes, numbers, partCount, partOf, sendParts, sentNumbers } from './parts'
import { announce, put, sha256Of } from './uploading'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const sha256 = 'ab'.repeat(32)
const small = Buffer.from('some bytes')

describe.each(doors)('a large file over %s', door => {
  it('is announced without its SHA-256, and is told how to be cut', async () => {
    const ann = await world.person('ann')
    const { upload, put: place, parts, duplicateOf } = await announceLarge(ann, {}, { door })
    expect(upload).toMatchObject({ state: 'initiated', sizeBytes: largeBytes, duplicateOf: null })
    expect({ place, parts, duplicateOf }).toEqual({
      place: null,
      parts: { partBytes: partBytesMin, count: partCount },
      duplicateOf: null,
    })
    const view = await ann.call(getUpload, { uploadId: upload.id }, { door })
    expect(view).toEqual({ ...upload, parts: { partBytes: partBytesMin, count: partCount, sent: [] } })
  })

  it('has its parts signed one by one, each for exactly its own bytes', async () => {
    const ann = await world.person('ann')
    const { upload } = await announceLarge(ann, {}, { door })
    const last = partOf(partCount)
    const wish = { uploadId: upload.id, parts: [{ number: partCount, sha256: sha256Of(last) }] }
    const [place] = await ann.call(signParts, wish, { door })
    expect(place).toMatchObject({ number: partCount, sizeBytes: 1 })
    const url = new URL(place?.url ?? '')
    expect(url.searchParams.get('X-Amz-SignedHeaders')?.split(';').sort()).toEqual([
      'content-length',
      'host',
      'x-amz-checksum-sha256',
    ])
    expect(Date.parse(place?.expiresAt ?? '') - world.clock.now()).toBeLessThanOrEqual(30 * 60_000)
    expect(await put(place ?? null, Buffer.from([~(last[0] ?? 0) & 255]))).toBe(400)
    expect(await put(place ?? null, Buffer.from('xy'))).toBe(403)
    expect(await sentNumbers(ann, upload.id)).toEqual([])
    expect(await put(place ?? null, last)).toBe(200)
    const view = await ann.call(getUpload, { uploadId: upload.id }, { door })
    expect(view.parts?.sent).toEqual([{ number: partCount, sizeBytes: 1, sha256: sha256Of(last) }])
    // As often as somebody likes, until it is finalized.
    expect(await put(place ?? null, last)).toBe(200)
  })

  it('refuses parts that it has not, none, and too many at once', async () => {
    const ann = await world.person('ann')
    const { upload } = await announceLarge(ann, {}, { door })
    const refused = (parts: unknown) => ann.refused(signParts, { uploadId: upload.id, parts }, { door })
    expect(
      await refused([
        { number: 1, sha256 },
        { number: partCount + 1, sha256 },
      ]),
    ).toMatchObject({
      ...{ code: 'invalid_input', status: 400 },
      errors: [{ path: 'parts.1.number', code: 'too_large' }],
    })
    expect(await refused([{ number: 0, sha256 }])).toMatchObject({ errors: [{ path: 'parts.0.number' }] })
    expect(await refused([{ number: 1 }])).toMatchObject({ errors: [{ path: 'parts.0.sha256', code: 'required' }] })
    expect(await refused([])).toMatchObject({ code: 'invalid_input', errors: [{ path: 'parts' }] })
    const many = Array.from({ length: 101 }, () => ({ number: 1, sha256 }))
    expect(await refused(many)).toMatchObject({ code: 'invalid_input', errors: [{ path: 'parts' }] })
    expect((await Upload.findByPk(upload.id))?.multipartId).toBeNull()
  })

  it('is nobody else’s affair', async () => {
    const [ann, eve] = [await world.person('ann'), await world.person('eve')]
    const { upload } = await announceLarge(ann, {}, { door })
    const wish = { uploadId: upload.id, parts: [{ number: 1, sha256 }] }
    expect(await eve.refused(signParts, wish, { door })).toMatchObject({ code: 'not_found', status: 404 })
  })

  it('is not sent any more once it was aborted, has expired, or is over', async () => {
    const ann = await world.person('cleo')
    const wishFor = ({ id }: { id: string }) => ({ uploadId: id, parts: [{ number: 1, sha256 }] })
    const { upload: aborted } = await announceLarge(ann, {}, { door })
    await ann.call(abortUpload, { uploadId: aborted.id })
    expect(await ann.refused(signParts, wishFor(aborted), { door })).toMatchObject({
      code: 'upload_aborted',
      status: 410,
    })
    const { upload: late } = await announceLarge(ann, {}, { door })
    await Upload.update({ expiresAt: new Date(world.clock.now() - 1) }, { where: { id: late.id } })
    expect(await ann.refused(signParts, wishFor(late), { door })).toMatchObject({ code: 'upload_expired', status: 410 })
    expect(await ann.refused(finalizeUpload, { uploadId: late.id }, { door })).toMatchObject({ code: 'upload_expired' })
  })

  it('and a small one are not taken for each other', async () => {
    const ann = await world.person('dora')
    const { upload: one } = await ann.call(initiateUpload, announce(small), { door })
    const wish = { uploadId: one.id, parts: [{ number: 1, sha256 }] }
    expect(await ann.refused(signParts, wish, { door })).toMatchObject({ code: 'not_in_parts', status: 409 })
    expect(await ann.call(getUpload, { uploadId: one.id }, { door })).not.toHaveProperty('parts')
    const { upload: other } = await announceLarge(ann, {}, { door })
    expect(await ann.refused(renewUpload, { uploadId: other.id }, { door })).toMatchObject({ code: 'sent_in_parts' })
    const nameless = { ...announce(small), sha256: undefined }
    expect(await ann.refused(initiateUpload, nameless, { door })).toMatchObject({
      ...{ code: 'invalid_input', status: 400 },
      errors: [{ path: 'sha256', code: 'required' }],
    })
  })
})

it('opens one upload in the store, whoever asks first, with the first part', async () => {
  const ann = await world.person('ben')
  const { upload } = await announceLarge(ann)
  expect((await Upload.findByPk(upload.id))?.multipartId).toBeNull()
  const statuses = await Promise.all(numbers(1, 4).map(number => sendParts(ann, upload.id, [number])))
  expect(statuses.flat()).toEqual([200, 200, 200, 200])
  expect(await sentNumbers(ann, upload.id)).toEqual([1, 2, 3, 4])
  // Those who were a moment late had opened one as well.
  await world.work()
  const { uploads } = await world.world.storage.listOpenParts(`incoming/${upload.id}`, undefined, 10)
  expect(uploads.map(({ multipartId }) => multipartId)).toEqual([(await Upload.findByPk(upload.id))?.multipartId])
})

it('signs a hundred parts at once, and counts each of them', async () => {
  const ben = await world.person('dan')
  const { upload, parts } = await announceLarge(ben, { sizeBytes: uploadBytesMax })
  expect(parts).toEqual({ partBytes: 16 * 1024 ** 2, count: 256 })
  const wish = { uploadId: upload.id, parts: numbers(157, 256).map(number => ({ number, sha256 })) }
  for (const door of [...doors, ...doors, ...doors]) {
    const places = await ben.call(signParts, wish, { door })
    expect(places.map(({ number }) => number)).toEqual(numbers(157, 256))
    expect(new Set(places.map(({ sizeBytes }) => sizeBytes))).toEqual(new Set([16 * 1024 ** 2]))
  }
  const problem = await ben.refused(signParts, wish)
  expect(problem).toMatchObject({ code: 'too_many_requests', status: 429 })
  expect(problem.retryAfter).toBeGreaterThan(0)
})

it('cuts every size into parts that the store takes', () => {
  const sizes = [largeBytes, 700 * 1024 ** 2, 2 * 1024 ** 3, 2 * 1024 ** 3 + 1, uploadBytesMax]
  for (const size of sizes) {
    const partBytes = partBytesFor(size) ?? 0
    expect(partBytes).toBeGreaterThanOrEqual(5 * 1024 ** 2)
    expect(Math.ceil(size / partBytes)).toBeLessThanOrEqual(partsMax)
  }
  expect(partBytesFor(largeBytes - 1)).toBeNull()
})
