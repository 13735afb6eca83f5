import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type JobContext } from '../../../kernel/events/job'
import { transact } from '../../../kernel/pipeline/transact'
import { Track, Waveform } from '../../../models'
import { registry } from '../../../skills'
import { addComment } from '../../../skills/interactions/add-comment'
import { likeTrack } from '../../../skills/interactions/like-track'
import { listComments } from '../../../skills/interactions/list-comments'
import { getParty } from '../../../skills/listening-party/get-party'
import { createParty } from '../../../skills/listening-party/create-party'
import { playParty } from '../../../skills/listening-party/play-party'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { startProcessing, failProcessing } from '../../../skills/music-processing/processing-states'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { replaceAudio } from '../../../skills/music-upload/replace-audio'
import { retryUpload } from '../../../skills/music-upload/retry-upload'
import { updateTrack } from '../../../skills/tracks/update-track'
import { getTrack } from '../../../skills/tracks/get-track'
import { grantDownload } from '../../../skills/streaming/grant-download'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeAudio } from '../../make-audio'
import { type Transport, transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { uploadInput, putBytes, uploadFile } from './upload-file'

let testApp: TestApp
let ffmpeg: string
let old: string
let fresh: string
beforeAll(async () => {
  testApp = await createTestApp()
  ffmpeg = testApp.app.config.tools.ffmpeg
  old = await makeAudio(ffmpeg, 'mp3', { seconds: 4 })
  fresh = await makeAudio(ffmpeg, 'flac', { seconds: 2, tags: { title: 'Of the new tags' } })
})
afterAll(() => testApp[Symbol.asyncDispose]())

async function createArtist(name = `ann-${randomUUID()}`): Promise<{ ann: Person; trackId: string; first: string }> {
  const ann = await testApp.signIn(name)
  const { trackId, id } = await uploadFile(testApp, ann, old)
  return { ann, trackId, first: id }
}

/** Initiates and sends new audio without finalizing it. */
async function sendNew(
  ann: Person,
  trackId: string,
  file: string | Buffer = fresh,
  transport: Transport = 'rest',
): Promise<string> {
  const bytes = typeof file === 'string' ? await readFile(file) : file
  const { upload, putRequest } = await ann.call(replaceAudio, { trackId, ...uploadInput(bytes) }, { transport })
  expect(upload).toMatchObject({ state: 'initiated', trackId, replacesAudio: true })
  expect(await putBytes(putRequest, bytes)).toBe(200)
  return upload.id
}

async function replace(ann: Person, trackId: string, file: string | Buffer = fresh, transport: Transport = 'rest') {
  const uploadId = await sendNew(ann, trackId, file, transport)
  await ann.call(finalizeUpload, { uploadId }, { transport })
  await testApp.runJobs()
  return ann.call(getUpload, { uploadId }, { transport })
}

const transactAsJob: JobContext['transact'] = work =>
  transact({ app: testApp.app, registry, actor: null, requestId: randomUUID() }, work)

const makeJobsDue = () =>
  testApp.app.db.query('update graphile_worker._private_jobs set run_at = now() returning 1 as done')
const existing = async (trackId: string, ...names: string[]) =>
  Promise.all(names.map(async name => (await testApp.app.storage.head(`audio/${trackId}/${name}`)) !== undefined))
const bytesOf = async (url: string) => Buffer.from(await (await fetch(url)).arrayBuffer())

describe.each(transports)('new audio over %s', transport => {
  it('replaces the old at once, and everything else stays', async () => {
    const { ann, trackId, first } = await createArtist()
    const bob = await testApp.signIn('bob')
    await bob.call(likeTrack, { trackId })
    await bob.call(addComment, { trackId, body: 'early', positionMs: 500 })
    await bob.call(addComment, { trackId, body: 'late', positionMs: 3_500 })
    await testApp.applyCounters()
    const before = await bob.call(getTrack, { trackId })
    const granted = await bob.call(grantStream, { trackId })
    const audioBefore = await bytesOf(granted.url)
    const peaks = (await Waveform.findByPk(trackId))?.peaks
    expect(before).toMatchObject({ audioVersion: first, counts: { likes: 1, comments: 2 } })
    const recorder = await bob.recordEvents(`track:${trackId}`)

    const uploadId = await sendNew(ann, trackId, fresh, transport)
    await ann.call(finalizeUpload, { uploadId }, { transport })
    // The old audio plays until the new one is ready.
    expect(await bob.call(getTrack, { trackId }, { transport })).toEqual(before)
    await testApp.runJobs()
    expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'ready', trackId, replacesAudio: true })

    const after = await bob.call(getTrack, { trackId }, { transport })
    expect(after).toEqual({ ...before, audioVersion: uploadId, durationMs: after.durationMs, rev: before.rev + 1 })
    expect(Math.abs((after.durationMs ?? 0) - 2_000)).toBeLessThan(50)
    const { data } = await recorder.waitFor('tracks.trackChanged')
    expect(data.track).toMatchObject({ durationMs: after.durationMs, audioVersion: uploadId })
    await recorder.waitForAll(testApp.app)
    expect(recorder.names()).not.toContain('tracks.trackPublished')
    expect((await Waveform.findByPk(trackId))?.peaks).not.toEqual(peaks)
    const grant = await bob.call(grantStream, { trackId }, { transport })
    expect(grant.url).toContain(`/${uploadId}/`)
    const original = await ann.call(grantDownload, { trackId }, { transport })
    expect(original.contentType).toBe('audio/flac')
    expect(await bytesOf(original.url)).toEqual(await readFile(fresh))

    // Comments past the new end are kept and marked.
    const comments = await bob.call(listComments, { trackId }, { transport })
    expect(comments.map(({ body, pastEnd }) => [body, pastEnd])).toEqual([
      ['late', true],
      ['early', undefined],
    ])
    // A grant issued before still plays the old audio.
    expect(await bytesOf(granted.url)).toEqual(audioBefore)
    await makeJobsDue()
    await testApp.runJobs()
    expect(await existing(trackId, `${first}.mp3`, `${uploadId}.flac`)).toEqual([false, true])
  })
})

it('deletes the old audio only after all grants for it have expired', async () => {
  const { ann, trackId, first } = await createArtist()
  await replace(ann, trackId)
  const [job] = await testApp.app.db.query<{ hours: number }>(
    `select extract(epoch from run_at - now()) / 3600 as hours from graphile_worker._private_jobs
     where payload::text like '%audio/${trackId}/${first}"%'`,
  )
  expect(Number(job?.hours)).toBeGreaterThan(6)
  expect(Number(job?.hours)).toBeLessThan(7)
})

it('leaves the track unchanged when the new file is rejected, fails or is aborted', async () => {
  const { ann, trackId, first } = await createArtist()
  const before = await ann.call(getTrack, { trackId })
  const row = (await Track.findByPk(trackId))?.get()

  expect(await replace(ann, trackId, Buffer.from('no music at all'))).toMatchObject({ state: 'rejected' })
  expect(await ann.call(getTrack, { trackId })).toEqual(before)

  const failing = await sendNew(ann, trackId)
  await ann.call(finalizeUpload, { uploadId: failing })
  await transactAsJob(context => startProcessing(failing, randomUUID(), context))
  await transactAsJob(context =>
    failProcessing(failing, 'failed', { code: 'processing_failed', message: 'Ours.' }, context),
  )
  await testApp.runJobs()
  expect(await ann.call(getTrack, { trackId })).toEqual(before)

  const aborted = await sendNew(ann, trackId)
  await ann.call(finalizeUpload, { uploadId: aborted })
  await ann.call(abortUpload, { uploadId: aborted })
  await makeJobsDue()
  await testApp.runJobs()
  expect((await Track.findByPk(trackId))?.get()).toEqual(row)
  expect(await existing(trackId, `${first}.mp3`, `${failing}.flac`, `${aborted}.flac`)).toEqual([true, false, false])

  // A failed replacement may be retried, and then replaces the audio.
  await ann.call(retryUpload, { uploadId: failing })
  expect(await ann.call(getTrack, { trackId })).toEqual(before)
  await testApp.runJobs()
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ audioVersion: failing })
})

it('accepts one replacement at a time', async () => {
  const { ann, trackId, first } = await createArtist()
  const [one, two] = [await sendNew(ann, trackId), await sendNew(ann, trackId, old)]
  const replies = await Promise.all([one, two].map(uploadId => ann.request(finalizeUpload, { uploadId })))
  const refused = replies.flatMap(({ error }) => error ?? [])
  expect(refused).toMatchObject([{ code: 'replacement_pending', status: 409 }])
  await testApp.runJobs()
  const later = replies[0]?.error === undefined ? two : one
  await ann.call(finalizeUpload, { uploadId: later })
  await testApp.runJobs()
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ audioVersion: later })
  await makeJobsDue()
  await testApp.runJobs()
  expect(await existing(trackId, `${first}.mp3`)).toEqual([false])
})

it("is allowed only on one's own track", async () => {
  const { ann, trackId } = await createArtist()
  const bob = await testApp.signIn('bob')
  const input = { trackId, ...uploadInput(Buffer.from('x')) }
  expect(await bob.expectProblem(replaceAudio, input)).toMatchObject({ code: 'forbidden', status: 403 })
  await ann.call(updateTrack, { trackId, visibility: 'private' })
  expect(await bob.expectProblem(replaceAudio, input)).toMatchObject({ code: 'not_found', status: 404 })
  const moderator = await testApp.signIn('mod', { roles: ['moderator'] })
  expect(await moderator.expectProblem(replaceAudio, input)).toMatchObject({ code: 'forbidden' })
  expect(await ann.expectProblem(replaceAudio, { ...input, sizeBytes: 0 })).toMatchObject({ code: 'invalid_input' })
  for (let left = 10; left > 0; left -= 1) await ann.call(replaceAudio, input)
  expect(await ann.expectProblem(replaceAudio, input)).toMatchObject({ code: 'too_many_uploads' })
})

it.each(transports)('repairs over %s a track whose first file was rejected', async transport => {
  const ann = await testApp.signIn(`ann-${randomUUID()}`)
  const bob = await testApp.signIn('bob')
  const options = { title: 'Of the artist', fileName: 'first.mp3' }
  const { trackId, state } = await uploadFile(testApp, ann, Buffer.from('no music at all'), options)
  expect(state).toBe('rejected')
  await ann.call(addComment, { trackId, body: 'soon', positionMs: 0 })
  await ann.call(updateTrack, { trackId, genre: 'Late' })
  const broken = await ann.call(getTrack, { trackId })
  expect(broken).toMatchObject({ state: 'failed', title: 'Of the artist', audioVersion: null })
  expect(await bob.expectProblem(getTrack, { trackId })).toMatchObject({ code: 'not_found' })
  const recorder = await ann.recordEvents(`user:${ann.id}`)

  // A second rejected file leaves the track unchanged.
  expect(await replace(ann, trackId, Buffer.from('nor this'), transport)).toMatchObject({ state: 'rejected' })
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'failed' })

  const uploadId = await sendNew(ann, trackId, fresh, transport)
  await ann.call(finalizeUpload, { uploadId }, { transport })
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'processing' })
  await testApp.runJobs()
  const after = await ann.call(getTrack, { trackId }, { transport })
  const { id, title, genre, description, visibility, createdAt } = broken
  expect(after).toMatchObject({
    id,
    title,
    genre,
    description,
    visibility,
    createdAt,
    state: 'ready',
    audioVersion: uploadId,
  })
  expect((await bob.call(listComments, { trackId })).map(({ body }) => body)).toEqual(['soon'])
  expect((await bob.call(grantStream, { trackId }, { transport })).url).toContain(`/${uploadId}/`)
  await recorder.waitFor('tracks.trackPublished')
  await recorder.waitForAll(testApp.app)
  expect(recorder.names().filter(name => name === 'tracks.trackPublished')).toHaveLength(1)
})

it('is aborted when its track is deleted, in every state of the replacement', async () => {
  const { ann, trackId, first } = await createArtist()
  const [waiting, working] = [await sendNew(ann, trackId), await sendNew(ann, trackId)]
  await ann.call(finalizeUpload, { uploadId: working })
  await transactAsJob(context => startProcessing(working, randomUUID(), context))
  await ann.call(deleteTrack, { trackId })
  await makeJobsDue()
  await testApp.runJobs()
  for (const uploadId of [waiting, working]) {
    expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'aborted' })
    expect(await testApp.app.storage.head(`incoming/${uploadId}`)).toBeUndefined()
    expect(await ann.expectProblem(finalizeUpload, { uploadId })).toMatchObject({ code: 'upload_aborted' })
  }
  expect(await existing(trackId, `${first}.mp3`, `${working}.flac`)).toEqual([false, false])
})

it('finds duplicates of the current audio of a track, not of the previous one', async () => {
  const { ann, trackId } = await createArtist()
  const [oldBytes, newBytes] = [await readFile(old), await readFile(fresh)]
  expect(await ann.call(initiateUpload, uploadInput(oldBytes))).toMatchObject({ duplicateOf: trackId })
  await replace(ann, trackId)
  expect(await ann.call(initiateUpload, uploadInput(oldBytes))).toMatchObject({ duplicateOf: null })
  expect(await ann.call(initiateUpload, uploadInput(newBytes))).toMatchObject({ duplicateOf: trackId })
})

it('does not change the timeline of a party that plays the track', async () => {
  const { ann, trackId } = await createArtist()
  const { party } = await ann.call(createParty, { title: 'Tonight', trackIds: [trackId, trackId] })
  await ann.call(playParty, { partyId: party.id })
  const before = await ann.call(getParty, { partyId: party.id })
  await replace(ann, trackId)
  const after = await ann.call(getParty, { partyId: party.id })
  expect({ timeline: after.timeline, queue: after.queue }).toEqual({ timeline: before.timeline, queue: before.queue })
  expect(after.timeline.durationMs).toBeGreaterThan(3_900)
})
