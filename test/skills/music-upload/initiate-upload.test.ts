import { Upload } from '../../../models'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { pendingUploadsMax, uploadBytesMax } from '../../../skills/music-upload/rules'
import { makeAudio } from '../../audio'
import { doors } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { announce, placeOf, put, send, upload, type UploadWish } from './uploading'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const bytes = Buffer.from('some bytes')

describe.each(doors)('announcing a file over %s', door => {
  it('answers with a place of our own making, where exactly that file may be put once', async () => {
    const ann = await world.person('ann')
    const wish = { fileName: '../../x/..mp3' }
    const { upload, put: given, parts, duplicateOf } = await ann.call(initiateUpload, announce(bytes, wish), { door })
    const place = placeOf(given)
    expect(parts).toBeNull()
    expect(upload).toMatchObject({ state: 'initiated', step: null, progress: 0, trackId: null, fault: null })
    expect(duplicateOf).toBeNull()

    const url = new URL(place.url)
    expect(url.pathname.endsWith(`/incoming/${upload.id}`)).toBe(true)
    expect(url.searchParams.get('X-Amz-SignedHeaders')?.split(';')).toEqual(
      expect.arrayContaining(['content-length', 'content-type', 'host', 'if-none-match', 'x-amz-checksum-sha256']),
    )
    expect(Date.parse(place.expiresAt) - world.clock.now()).toBeLessThanOrEqual(30 * 60_000)

    expect(await put(place, Buffer.from('other byte'))).toBe(400)
    expect(await put(place, Buffer.from('many more bytes'))).toBe(403)
    expect(await put({ ...place, headers: { ...place.headers, 'content-type': 'text/html' } }, bytes)).toBe(403)
    expect(await put(place, bytes)).toBe(200)
    expect(await put(place, bytes)).toBe(412)
  })

  it('gives the same answer again for the same key', async () => {
    const ann = await world.person(`ann-${door}`)
    const first = await ann.call(initiateUpload, announce(bytes), { door, key: 'one' })
    const again = await ann.call(initiateUpload, announce(bytes), { door, key: 'one' })
    expect(again).toEqual(first)
    const other = await ann.refused(initiateUpload, announce(bytes, { title: 'Other' }), { door, key: 'one' })
    expect(other).toMatchObject({ code: 'idempotency_key_reused', status: 422 })
    expect(await Upload.count({ where: { ownerId: ann.id } })).toBe(1)
  })

  it.each<[string, UploadWish | { contentType: string }]>([
    ['sizeBytes', { sizeBytes: 0 }],
    ['sizeBytes', { sizeBytes: -1 }],
    ['sizeBytes', { sizeBytes: uploadBytesMax + 1 }],
    ['contentType', { contentType: 'text/html' }],
    ['contentType', { contentType: 'video/mp4' }],
    ['sha256', { sha256: 'ABC' }],
    ['title', { title: 'x'.repeat(10_000) }],
    ['fileName', { fileName: 'a\u0000b' }],
  ])('refuses a bad %s', async (path, wish) => {
    const ann = await world.person('ann')
    const problem = await ann.refused(initiateUpload, { ...announce(bytes), ...wish }, { door })
    expect(problem).toMatchObject({ code: 'invalid_input', errors: [{ path }] })
  })
})

it('lets nobody have more uploads waiting than allowed, however many are announced at once', async () => {
  const ann = await world.person('busy')
  const replies = await Promise.all(
    Array.from({ length: pendingUploadsMax + 6 }, () => ann.ask(initiateUpload, announce(bytes))),
  )
  expect(replies.filter(({ data }) => data !== undefined)).toHaveLength(pendingUploadsMax)
  for (const { error } of replies)
    if (error !== undefined) expect(error).toMatchObject({ code: 'too_many_uploads', status: 429 })

  // Whoever does nothing has room when the first of them expires.
  const [one, other] = await Upload.findAll({ where: { ownerId: ann.id } })
  await other?.update({ expiresAt: new Date(world.clock.now() + 90_500) })
  for (const door of doors) {
    const { error, headers } = await ann.ask(initiateUpload, announce(bytes), { door })
    expect(error).toMatchObject({ code: 'too_many_uploads', status: 429 })
    expect(Math.abs((error?.retryAfter ?? 0) - 90)).toBeLessThan(10)
    if (door === 'rest') expect(headers?.get('retry-after')).toBe(String(error?.retryAfter))
  }
  await ann.call(abortUpload, { uploadId: one?.id ?? '' })
  await ann.call(initiateUpload, announce(bytes))
  await ann.refused(initiateUpload, announce(bytes))
})

it('says when the same artist has a track of the same bytes, and nobody else', async () => {
  const [ann, bob] = [await world.person('ann-twice'), await world.person('bob')]
  const file = await makeAudio(world.world.config.tools.ffmpeg, 'mp3')
  const { trackId } = await upload(world, ann, file)
  expect(await send(ann, file)).toMatchObject({ duplicateOf: trackId })
  expect(await send(bob, file)).toMatchObject({ duplicateOf: null })
})
