import { Track, Upload } from '../../../models'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { expireUploads } from '../../../skills/music-upload/expire-uploads'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { signParts } from '../../../skills/music-upload/sign-parts'
import { type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { announceLarge, largeBytes, numbers, partCount, partOf, sendParts, sentNumbers } from './parts'
import { put, sha256Of } from './uploading'
import { type WeakStore, weakStore } from './weak-store'

let world: TestWorld
let store: WeakStore
let ann: Person
beforeAll(async () => {
  store = await weakStore()
  world = await freshWorld({ variables: { S3_ENDPOINT: store.endpoint } })
  ann = await world.person('ann', { node: 0 })
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const storage = () => world.world.storage
const openUploads = async (uploadId: string) =>
  (await storage().listOpenParts(`incoming/${uploadId}`, undefined, 10)).uploads.length

it('names the parts that are missing, makes one track of them all, however often it is said, and nothing changes them after', async () => {
  const { upload } = await announceLarge(ann)
  const input = { uploadId: upload.id }
  const none = await ann.refused(finalizeUpload, input)
  expect(none).toMatchObject({ code: 'object_missing', status: 409, detail: '9 of 9 parts have not been sent.' })

  const [place] = await ann.call(signParts, { ...input, parts: [{ number: 1, sha256: sha256Of(partOf(1)) }] })
  expect(await put(place ?? null, partOf(1))).toBe(200)
  expect(await sendParts(ann, upload.id, [2, 4, 5, 7, 8, 9])).toEqual([200, 200, 200, 200, 200, 200])
  const some = await ann.refused(finalizeUpload, input)
  expect(some).toMatchObject({ code: 'object_missing', detail: '2 of 9 parts have not been sent.' })
  expect(some.errors?.map(({ path }) => path)).toEqual(['parts.3', 'parts.6'])
  expect(await ann.call(getUpload, input)).toMatchObject({ state: 'initiated' })

  await sendParts(ann, upload.id, [3, 6])
  const elsewhere = await world.person('ann', { node: 1 })
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? ann : elsewhere).call(finalizeUpload, input)),
  )
  for (const answer of answers) expect(answer).toEqual(answers[0])
  expect(answers[0]).toMatchObject({ state: 'uploaded' })
  expect(await Track.count({ where: { id: answers[0]?.trackId ?? '' } })).toBe(1)
  expect(await storage().head(`incoming/${upload.id}`)).toMatchObject({ sizeBytes: largeBytes })

  // The URLs of parts are good for half an hour, but not for anything any more.
  expect(await put(place ?? null, partOf(1))).toBe(404)
  const wish = { ...input, parts: [{ number: 1, sha256: sha256Of(partOf(1)) }] }
  expect(await ann.refused(signParts, wish)).toMatchObject({ code: 'upload_over', status: 409 })
  expect(await ann.call(getUpload, input)).not.toHaveProperty('parts')
  expect(await openUploads(upload.id)).toBe(0)
})

it('goes on where an earlier try got through to the store and no further', async () => {
  const { upload } = await announceLarge(ann)
  await sendParts(ann, upload.id, numbers(1, partCount))
  const row = await Upload.findByPk(upload.id)
  const key = `incoming/${upload.id}`
  const signal = AbortSignal.timeout(5_000)
  const parts = (await storage().listParts(key, row?.multipartId ?? '', signal)) ?? []
  const etag = await storage().completeParts(key, row?.multipartId ?? '', { parts, sizeBytes: largeBytes, signal })
  expect(await sentNumbers(ann, upload.id)).toEqual(numbers(1, partCount))
  expect(await ann.call(finalizeUpload, { uploadId: upload.id })).toMatchObject({ state: 'uploaded' })
  expect((await Upload.findByPk(upload.id))?.etag).toBe(etag)
})

it('takes nothing else for its parts', async () => {
  const { upload } = await announceLarge(ann)
  await sendParts(ann, upload.id, [1])
  const row = await Upload.findByPk(upload.id)
  await storage().dropParts(`incoming/${upload.id}`, row?.multipartId ?? '')
  expect(await ann.refused(finalizeUpload, { uploadId: upload.id })).toMatchObject({ code: 'object_missing' })
  expect(await sentNumbers(ann, upload.id)).toEqual([])
  await storage().put(`incoming/${upload.id}`, Buffer.from('evil'), 'audio/wav')
  expect(await ann.refused(finalizeUpload, { uploadId: upload.id })).toMatchObject({
    code: 'object_mismatch',
    status: 422,
  })
})

it('is unavailable while the store is, changes nothing, and works when it is back', async () => {
  const { upload } = await announceLarge(ann)
  await sendParts(ann, upload.id, numbers(1, partCount))
  store.isShut = true
  for (const op of [finalizeUpload, getUpload]) {
    const problem = await ann.refused(op, { uploadId: upload.id })
    expect(problem).toMatchObject({ code: 'unavailable', status: 503 })
    expect(problem.retryAfter).toBeGreaterThan(0)
  }
  store.isShut = false
  expect(await ann.call(getUpload, { uploadId: upload.id })).toMatchObject({ state: 'initiated' })
  expect(await ann.call(finalizeUpload, { uploadId: upload.id })).toMatchObject({ state: 'uploaded' })
})

it('leaves no parts behind when it is aborted or expires, also of those that were just under way', async () => {
  const ben = await world.person('ben')
  const [{ upload: aborted }, { upload: expired }] = [await announceLarge(ben), await announceLarge(ben)]
  for (const { id } of [aborted, expired]) await sendParts(ben, id, [9])
  expect(await Promise.all([openUploads(aborted.id), openUploads(expired.id)])).toEqual([1, 1])
  await ben.call(abortUpload, { uploadId: aborted.id })
  await Upload.update({ expiresAt: new Date(world.clock.now() - 1) }, { where: { id: expired.id } })
  await world.world.db.query(`select graphile_worker.add_job('${expireUploads.name}', '{}'::json)`)
  await world.work()
  await world.work()
  expect(await ben.call(getUpload, { uploadId: expired.id })).toMatchObject({ state: 'expired' })
  expect(await Promise.all([openUploads(aborted.id), openUploads(expired.id)])).toEqual([0, 0])
  const waiting = await world.world.db.query<{ id: string }>(
    `select payload->>'key' as id from graphile_worker._private_jobs job
     join graphile_worker._private_tasks task on task.id = job.task_id
     where task.identifier = 'music-upload.dropParts' and job.run_at > now()`,
  )
  expect(waiting.map(({ id }) => id).sort()).toEqual([aborted, expired].map(({ id }) => `incoming/${id}`).sort())
})
