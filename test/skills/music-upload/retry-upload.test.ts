import { randomUUID } from 'node:crypto'
import { type JobContext } from '../../../kernel/job'
import { transact } from '../../../kernel/transact'
import { product } from '../../../skills'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { expireUploads } from '../../../skills/music-upload/expire-uploads'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { begin, giveUp } from '../../../skills/music-upload/processing'
import { removeTrack } from '../../../skills/music-upload/remove-track'
import { retryUpload } from '../../../skills/music-upload/retry-upload'
import { getTrack } from '../../../skills/streaming/get-track'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeAudio } from '../../audio'
import { doors, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { announce, send, upload } from './uploading'

let world: TestWorld
let file: string
let ann: Person
let bob: Person
beforeAll(async () => {
  world = await freshWorld()
  file = await makeAudio(world.world.config.tools.ffmpeg, 'mp3')
  ann = await world.person('ann')
  bob = await world.person('bob')
})
afterAll(() => world[Symbol.asyncDispose]())

const inside: JobContext['transact'] = work =>
  transact({ world: world.world, product, actor: null, requestId: randomUUID() }, work)

const job = (): JobContext => ({
  ...{ world: world.world, attempt: 1, isLastAttempt: false, transact: inside },
  signal: new AbortController().signal,
})

const dayMs = 24 * 60 * 60_000

/** An upload that a worker could not finish, though nothing is wrong with its file. */
async function failed() {
  const { upload } = await send(ann, file)
  const { trackId } = await ann.call(finalizeUpload, { uploadId: upload.id })
  if (trackId === null) throw new Error('an upload that was finalized has a track')
  await inside(within => begin(upload.id, randomUUID(), within))
  await inside(within => giveUp(upload.id, 'failed', { code: 'processing_failed', message: 'Ours.' }, within))
  await world.world.db.query(
    `delete from graphile_worker._private_jobs where key = 'process:${upload.id}' returning 1 as done`,
  )
  await world.work()
  return { uploadId: upload.id, trackId }
}

const incoming = (uploadId: string) => world.world.storage.head(`incoming/${uploadId}`)

it.each(doors)('tries again over %s what failed, without the file being sent anew', async door => {
  const { uploadId, trackId } = await failed()
  const seen = await ann.call(getUpload, { uploadId })
  expect(seen).toMatchObject({ state: 'failed', fault: { code: 'processing_failed' } })
  expect(Math.abs(Date.parse(seen.retryUntil ?? '') - world.clock.now() - 7 * dayMs)).toBeLessThan(60_000)
  expect(await ann.refused(grantStream, { trackId })).toMatchObject({ code: 'not_ready' })

  const again = await ann.call(retryUpload, { uploadId }, { door })
  expect(again).toMatchObject({ state: 'uploaded', step: null, progress: 0, fault: null, retryUntil: null, trackId })
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'processing' })
  await world.work()
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'ready', trackId })
  expect(await bob.call(getTrack, { trackId })).toMatchObject({ state: 'ready' })
  expect(await incoming(uploadId)).toBeUndefined()
  expect(await ann.refused(retryUpload, { uploadId }, { door })).toMatchObject({ code: 'upload_over', status: 409 })
})

it('makes one try of many that are asked for at once, on both nodes', async () => {
  const { uploadId } = await failed()
  const heard = await ann.hear(`user:${ann.id}`)
  const replies = await Promise.all(
    Array.from({ length: 8 }, (_, index) => ann.ask(retryUpload, { uploadId }, { door: doors[index % 2] ?? 'rest' })),
  )
  for (const { data } of replies) expect(data).toMatchObject({ id: uploadId, state: 'uploaded' })
  await world.work()
  await heard.first('music-upload.trackPublished')
  const states = heard.events.flatMap(({ data }) => (data.upload as { state?: string } | undefined)?.state ?? [])
  expect(states.filter(state => state === 'uploaded')).toHaveLength(1)
  expect(states.filter(state => state === 'ready')).toHaveLength(1)
})

it('refuses what is rejected for good, with the reason, and what is not to be tried', async () => {
  const rejected = await upload(world, ann, Buffer.from('no music at all'))
  const refusal = await ann.refused(retryUpload, { uploadId: rejected.id })
  expect(refusal).toMatchObject({ code: 'upload_rejected', status: 409, detail: rejected.fault?.message })
  expect(rejected).toMatchObject({ state: 'rejected', retryUntil: null })

  const { upload: waiting } = await ann.call(initiateUpload, announce(Buffer.from('x')))
  expect(await ann.refused(retryUpload, { uploadId: waiting.id })).toMatchObject({ code: 'object_missing' })
  await ann.call(abortUpload, { uploadId: waiting.id })
  expect(await ann.refused(retryUpload, { uploadId: waiting.id })).toMatchObject({ code: 'upload_aborted' })

  const { uploadId } = await failed()
  expect(await bob.refused(retryUpload, { uploadId })).toMatchObject({ code: 'not_found', status: 404 })
  expect(await bob.refused(retryUpload, { uploadId: randomUUID() })).toMatchObject({ code: 'not_found' })
})

it('refuses when the file is gone', async () => {
  const { uploadId } = await failed()
  await world.world.storage.remove(`incoming/${uploadId}`)
  expect(await ann.refused(retryUpload, { uploadId })).toMatchObject({ code: 'retry_over', status: 410 })
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'failed' })
})

it('can be given up instead, or go with its track, and leaves nothing', async () => {
  const one = await failed()
  const other = await failed()
  expect(await ann.call(abortUpload, { uploadId: one.uploadId })).toMatchObject({ state: 'aborted', fault: null })
  await ann.call(removeTrack, { trackId: other.trackId })
  await world.work()
  for (const { uploadId, trackId } of [one, other]) {
    expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'aborted', retryUntil: null })
    expect(await incoming(uploadId)).toBeUndefined()
    expect(await ann.refused(getTrack, { trackId })).toMatchObject({ code: 'not_found' })
    expect(await ann.refused(retryUpload, { uploadId })).toMatchObject({ code: 'upload_aborted', status: 410 })
  }
})

// Last: nothing stands still for those before.
it('keeps the file for seven days, and no longer', async () => {
  const { uploadId } = await failed()
  world.clock.advance(6 * dayMs)
  await expireUploads.run({}, job())
  await world.work()
  expect(await incoming(uploadId)).toBeDefined()
  const fresh = await world.person('fresh')
  world.clock.advance(dayMs + 1)
  const later = await world.issuer.tokenFor('ann')
  const headers = { authorization: `Bearer ${later}` }
  expect((await ann.ask(retryUpload, { uploadId }, { headers })).error).toMatchObject({
    code: 'retry_over',
    status: 410,
  })
  await expireUploads.run({}, job())
  await world.work()
  expect(await incoming(uploadId)).toBeUndefined()
  const seen = (await ann.ask(getUpload, { uploadId }, { headers })).data
  expect(seen).toMatchObject({ state: 'failed', retryUntil: null })
  expect(fresh.id).not.toBe(ann.id)
})
