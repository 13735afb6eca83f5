import { Track, Upload } from '../../../models'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { makeAudio } from '../../audio'
import { doors } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { announce, put, send } from './uploading'
import { type WeakStore, weakStore } from './weak-store'

let world: TestWorld
let store: WeakStore
let file: string
beforeAll(async () => {
  store = await weakStore()
  world = await freshWorld({ variables: { S3_ENDPOINT: store.endpoint } })
  file = await makeAudio(world.world.config.tools.ffmpeg, 'mp3')
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const bytes = Buffer.from('some bytes')

describe.each(doors)('finalizing over %s', door => {
  it('makes one track and one job, however often and at once it is said', async () => {
    const ann = await world.person('ann')
    const heard = await ann.hear(`user:${ann.id}`)
    const { upload } = await send(ann, file)
    const input = { uploadId: upload.id }
    const answers = await Promise.all(Array.from({ length: 20 }, () => ann.call(finalizeUpload, input, { door })))
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(answers[0]).toMatchObject({ state: 'uploaded' })

    await world.work()
    const again = await ann.call(finalizeUpload, input, { door })
    expect(again).toMatchObject({ state: 'ready', trackId: answers[0]?.trackId })
    expect(await Track.count({ where: { ownerId: ann.id, id: again.trackId ?? '' } })).toBe(1)
    await heard.first('music-upload.trackPublished', ({ trackId }) => trackId === again.trackId)
    const states = heard.events.flatMap(({ name, data }) => (name.endsWith('uploadChanged') ? [data.upload] : []))
    expect(states.filter(view => (view as { state: string; id: string }).state === 'uploaded')).toHaveLength(1)
  })

  it('asks for the file first', async () => {
    const ann = await world.person('ann')
    const { upload } = await ann.call(initiateUpload, announce(bytes), { door })
    const input = { uploadId: upload.id }
    expect(await ann.refused(finalizeUpload, input, { door })).toMatchObject({ code: 'object_missing', status: 409 })
    expect(await ann.call(getUpload, input, { door })).toEqual(upload)
  })

  it('is nobody else’s affair', async () => {
    const [ann, eve] = [await world.person('ann'), await world.person('eve')]
    const { upload } = await send(ann, bytes)
    for (const op of [finalizeUpload, getUpload, abortUpload])
      expect(await eve.refused(op, { uploadId: upload.id }, { door })).toMatchObject({ code: 'not_found' })
    expect(await ann.call(getUpload, { uploadId: upload.id }, { door })).toMatchObject({ state: 'initiated' })
  })

  it('does not revive what was aborted', async () => {
    const ann = await world.person('ann')
    const { upload } = await send(ann, bytes)
    await ann.call(abortUpload, { uploadId: upload.id }, { door })
    const problem = await ann.refused(finalizeUpload, { uploadId: upload.id }, { door })
    expect(problem).toMatchObject({ code: 'upload_aborted', status: 410 })
  })
})

it('refuses a file that is not the announced one', async () => {
  const ann = await world.person('ann')
  for (const other of ['other byte', 'some bytes and more']) {
    const { upload } = await ann.call(initiateUpload, announce(bytes))
    await world.world.storage.put(`incoming/${upload.id}`, Buffer.from(other), 'audio/mpeg')
    const problem = await ann.ask(finalizeUpload, { uploadId: upload.id })
    if (other.length === bytes.length) {
      // This store was given no checksum to show: the worker finds out.
      await world.work()
      expect(await ann.call(getUpload, { uploadId: upload.id })).toMatchObject({
        state: 'rejected',
        fault: { code: 'file_changed' },
      })
    } else expect(problem.error).toMatchObject({ code: 'object_mismatch', status: 422 })
  }
})

it('serves what was there when it was finalized, whatever is put there afterwards', async () => {
  const ann = await world.person('ann')
  const { upload, put: place } = await send(ann, file)
  const { trackId } = await ann.call(finalizeUpload, { uploadId: upload.id })
  await world.world.storage.put(`incoming/${upload.id}`, Buffer.from('evil'), 'text/html')
  await world.work()
  expect(await ann.call(getUpload, { uploadId: upload.id })).toMatchObject({
    state: 'rejected',
    fault: { code: 'file_changed' },
  })
  const next = await send(ann, file)
  const second = await ann.call(finalizeUpload, { uploadId: next.upload.id })
  await world.work()
  const ready = await Track.findByPk(second.trackId ?? '')
  await world.world.storage.put(`incoming/${next.upload.id}`, Buffer.from('evil'), 'text/html')
  const served = await world.world.storage.get(ready?.audioKey ?? '')
  expect(served?.length).toBe(next.upload.sizeBytes)
  expect(await put(place, Buffer.alloc(upload.sizeBytes))).not.toBe(200)
  expect((await Track.findByPk(trackId ?? ''))?.state).toBe('failed')
})

it('is unavailable while the store is, changes nothing, and works when it is back', async () => {
  const ann = await world.person('ann')
  const { upload } = await send(ann, file)
  store.isShut = true
  const problem = await ann.refused(finalizeUpload, { uploadId: upload.id })
  expect(problem).toMatchObject({ code: 'unavailable', status: 503 })
  expect(problem.retryAfter).toBeGreaterThan(0)
  expect(await ann.call(getUpload, { uploadId: upload.id })).toEqual(upload)
  store.isShut = false
  expect(await ann.call(finalizeUpload, { uploadId: upload.id })).toMatchObject({ state: 'uploaded' })
})

it('comes too late after a day', async () => {
  const ann = await world.person('ann')
  const { id } = (await send(ann, bytes)).upload
  await Upload.update({ expiresAt: new Date(world.clock.now() - 1) }, { where: { id } })
  const problem = await ann.refused(finalizeUpload, { uploadId: id })
  expect(problem).toMatchObject({ code: 'upload_expired', status: 410 })
})
