import { randomUUID } from 'node:crypto'
import { type JobContext } from '../../../kernel/job'
import { transact } from '../../../kernel/transact'
import { Track, Upload, Waveform } from '../../../models'
import { product } from '../../../skills'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { expireUploads } from '../../../skills/music-upload/expire-uploads'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { processTrack } from '../../../skills/music-upload/process-track'
import { removeTrack } from '../../../skills/music-upload/remove-track'
import { updateTrack } from '../../../skills/music-upload/update-track'
import { getTrack } from '../../../skills/streaming/get-track'
import { makeAudio } from '../../audio'
import { type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { announce, put, send } from './uploading'
import { type WeakStore, weakStore } from './weak-store'

let world: TestWorld
let store: WeakStore
let file: string
let ann: Person
beforeAll(async () => {
  store = await weakStore()
  world = await freshWorld({ variables: { S3_ENDPOINT: store.endpoint } })
  file = await makeAudio(world.world.config.tools.ffmpeg, 'mp3', { tags: { title: 'Of the tags' } })
  ann = await world.person('ann')
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

async function finalized() {
  const { upload } = await send(ann, file)
  const { trackId } = await ann.call(finalizeUpload, { uploadId: upload.id })
  if (trackId === null) throw new Error('an upload that was finalized has a track')
  return { uploadId: upload.id, trackId }
}

/** A worker's context in which something happens just before a transaction, counted from 1. */
function contextWith(
  before: number,
  happen: () => Promise<unknown>,
  signal = new AbortController().signal,
): JobContext {
  let count = 0
  return {
    world: world.world,
    attempt: 1,
    isLastAttempt: false,
    signal,
    async transact(work) {
      count += 1
      if (count === before) await happen()
      return transact({ world: world.world, product, actor: null, requestId: randomUUID() }, work)
    },
  }
}

/** As if the time of the next attempt had come. */
const hurry = (attempts = '') =>
  world.world.db.query(`update graphile_worker._private_jobs set run_at = now() ${attempts} returning 1 as done`)

const audioOf = (trackId: string, uploadId: string) => world.world.storage.head(`audio/${trackId}/${uploadId}.mp3`)

it('does no harm when it runs twice', async () => {
  const { uploadId, trackId } = await finalized()
  await processTrack.run(
    { uploadId },
    contextWith(0, async () => undefined),
  )
  const ready = await ann.call(getTrack, { trackId })
  await world.work()
  await processTrack.run(
    { uploadId },
    contextWith(0, async () => undefined),
  )
  expect(await ann.call(getTrack, { trackId })).toEqual(ready)
  expect(await Waveform.count({ where: { trackId } })).toBe(1)
})

// The transactions of a run: begin, probing, drawing, storing, finish.
it.each([2, 3, 4, 5])(
  'is overtaken by the removal of the track before transaction %i, and leaves nothing',
  async step => {
    const { uploadId, trackId } = await finalized()
    const remove = () => ann.call(removeTrack, { trackId })
    await processTrack.run({ uploadId }, contextWith(step, remove))
    expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'aborted', step: null })
    expect(await ann.refused(getTrack, { trackId })).toMatchObject({ code: 'not_found' })
    await world.work()
    expect(await audioOf(trackId, uploadId)).toBeUndefined()
    expect(await world.world.storage.head(`incoming/${uploadId}`)).toBeUndefined()
  },
)

it('is overtaken by an abort, and leaves nothing', async () => {
  const { uploadId, trackId } = await finalized()
  await processTrack.run(
    { uploadId },
    contextWith(5, () => ann.call(abortUpload, { uploadId })),
  )
  await world.work()
  expect(await audioOf(trackId, uploadId)).toBeUndefined()
  expect((await Track.findByPk(trackId))?.removedAt).not.toBeNull()
})

it('keeps a title that the artist typed while it ran', async () => {
  const { uploadId, trackId } = await finalized()
  const rename = () => ann.call(updateTrack, { trackId, title: 'Typed meanwhile' })
  await processTrack.run({ uploadId }, contextWith(4, rename))
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'ready', title: 'Typed meanwhile' })
})

it('tries again when the store was away, and is ready then', async () => {
  const { uploadId, trackId } = await finalized()
  store.isShut = true
  await world.work()
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'processing', fault: null })
  store.isShut = false
  await hurry()
  await world.work()
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'ready' })
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'ready', title: 'Of the tags' })
})

it('ends as failed after the last attempt, and says that it was not the file', async () => {
  const { uploadId, trackId } = await finalized()
  const heard = await ann.hear(`user:${ann.id}`)
  store.isShut = true
  await hurry(', attempts = max_attempts - 1')
  await world.work()
  store.isShut = false
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({
    state: 'failed',
    step: null,
    fault: { code: 'processing_failed' },
  })
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'failed' })
  await heard.first('music-upload.uploadChanged', ({ upload }) => (upload as { state: string }).state === 'failed')
  await hurry()
  await world.work()
  // Kept for another try.
  expect(await world.world.storage.head(`incoming/${uploadId}`)).toBeDefined()
})

it('hands over to another worker when it is told to stop', async () => {
  const { uploadId } = await finalized()
  const stopping = new AbortController()
  await processTrack.run(
    { uploadId },
    contextWith(3, async () => stopping.abort(), stopping.signal),
  )
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'processing' })
  await world.work()
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'ready' })
})

it('lets uploads expire whose file nobody announced as sent, and removes the file', async () => {
  const { upload } = await send(ann, file)
  const { upload: other } = await ann.call(initiateUpload, announce(Buffer.from('x')))
  const isExpired = (data: Record<string, unknown>) => (data.upload as Upload).state === 'expired'
  world.clock.advance(25 * 60 * 60_000)
  // With a token of that day.
  const heard = await (await world.person('ann')).hear(`user:${ann.id}`)
  await expireUploads.run(
    {},
    contextWith(0, async () => undefined),
  )
  await expireUploads.run(
    {},
    contextWith(0, async () => undefined),
  )
  await world.work()
  for (const { id } of [upload, other]) {
    await heard.first('music-upload.uploadChanged', data => isExpired(data) && (data.upload as Upload).id === id)
    expect((await Upload.findByPk(id))?.state).toBe('expired')
  }
  expect(heard.events.filter(({ data }) => isExpired(data))).toHaveLength(2)
  expect(await world.world.storage.head(`incoming/${upload.id}`)).toBeUndefined()
})

it('removes a file that is sent again after its upload was aborted', async () => {
  const late = await world.person('late')
  const bytes = Buffer.from('again and again')
  const { upload, put: place } = await send(late, bytes)
  await late.call(abortUpload, { uploadId: upload.id })
  await world.work()
  expect(await put(place, bytes)).toBe(200)
  await hurry()
  await world.work()
  expect(await world.world.storage.head(`incoming/${upload.id}`)).toBeUndefined()
})
