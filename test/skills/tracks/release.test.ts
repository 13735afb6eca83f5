import { randomUUID } from 'node:crypto'
import { type JobContext } from '../../../kernel/events/job'
import { transact } from '../../../kernel/pipeline/transact'
import { Follow, Track } from '../../../models'
import { registry } from '../../../skills'
import { listLatestTracks } from '../../../skills/feed/list-latest-tracks'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { releaseOverdueTracks } from '../../../skills/tracks/release-overdue-tracks'
import { releaseTrack } from '../../../skills/tracks/release-track'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { updateTrack } from '../../../skills/tracks/update-track'
import { listNotifications } from '../../../skills/notifications/list-notifications'
import { getTrack } from '../../../skills/tracks/get-track'
import { makeAudio } from '../../make-audio'
import { makeTrack } from '../../factories'
import { waitUntil } from '../../kernel/wait-until'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { uploadFile } from '../music-upload/upload-file'

let testApp: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  testApp = await createTestApp()
})
let testCount = 0
beforeEach(async () => {
  testCount += 1
  ann = await testApp.signIn(`ann${testCount}`, { node: 0 })
  bob = await testApp.signIn(`bob${testCount}`, { node: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** Shorter than the life of a token, so people stay signed in when the clock advances. */
const delayMs = 600_000
const inMs = (ms: number) => new Date(testApp.clock.now() + ms).toISOString()
const createUnreleased = (options: Parameters<typeof makeTrack>[1] = {}) =>
  makeTrack(ann.id, { visibility: 'private', publishedAt: null, ...options })
const isHidden = async (trackId: string) => (await bob.request(getTrack, { trackId })).error?.code === 'not_found'

/** The context of one worker. */
const createJobContext = (): JobContext => ({
  app: testApp.app,
  attempt: 1,
  isLastAttempt: false,
  signal: new AbortController().signal,
  transact: work => transact({ app: testApp.app, registry, actor: null, requestId: randomUUID() }, work),
})

// Runs first: the queue uses the clock of PostgreSQL, which the test clock equals only until it is advanced.
it('is released by its job at releaseAt, and not by the job of an earlier releaseAt', async () => {
  const { id: trackId } = await createUnreleased()
  await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt: inMs(1_000) })
  const later = inMs(2_000)
  await ann.call(updateTrack, { trackId, releaseAt: later })
  await waitUntil(async () => {
    await testApp.runJobs()
    const isReleased = !(await isHidden(trackId))
    if (Date.now() < Date.parse(later)) expect(isReleased).toBe(false)
    return isReleased
  })
})

it.each(transports)(
  'a track is hidden until its release, then published and notified of once, over %s',
  async transport => {
    await Follow.create({ followerId: bob.id, followeeId: ann.id, createdAt: new Date() })
    const { id: trackId } = await createUnreleased()
    const releaseAt = inMs(delayMs)
    const planned = await ann.call(
      updateTrack,
      { trackId, visibility: 'public', releaseAt, title: 'Soon' },
      { transport },
    )
    expect(planned).toMatchObject({ visibility: 'public', releaseAt, publishedAt: null })
    expect(await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt }, { transport })).toEqual(planned)
    await testApp.runJobs()
    expect(await isHidden(trackId)).toBe(true)
    const mine = await ann.recordEvents(`user:${ann.id}`)

    // As after an outage: its own job never ran.
    testApp.clock.advance(delayMs)
    expect(await isHidden(trackId)).toBe(true)
    await Promise.all(
      [createJobContext(), createJobContext(), createJobContext()].map(context =>
        releaseOverdueTracks.run({}, context),
      ),
    )
    await testApp.runJobs()
    const seen = await bob.call(getTrack, { trackId }, { transport })
    expect(seen).toMatchObject({ visibility: 'public', releaseAt, title: 'Soon', rev: planned.rev + 1 })
    expect(Date.parse(seen.publishedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(releaseAt))
    expect((await bob.call(listLatestTracks, {})).map(({ id }) => id)).toContain(trackId)
    await mine.waitFor('tracks.trackPublished')
    await releaseOverdueTracks.run({}, createJobContext())
    await testApp.runJobs()
    expect(mine.names().filter(name => name.startsWith('tracks.'))).toEqual([
      'tracks.trackChanged',
      'tracks.trackPublished',
    ])
    expect(await bob.call(listNotifications, {})).toMatchObject([{ kind: 'published', track: { title: 'Soon' } }])
  },
)

it('may be changed until it is released: title, visibility, release time, release now', async () => {
  const { id: trackId } = await createUnreleased()
  await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt: inMs(delayMs) })
  const changed = await ann.call(updateTrack, { trackId, visibility: 'followers', title: 'Other' })
  expect(changed).toMatchObject({ visibility: 'followers', title: 'Other', releaseAt: expect.any(String) as string })
  expect(await isHidden(trackId)).toBe(true)
  const now = await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt: null })
  expect(now).toMatchObject({ visibility: 'public', publishedAt: now.releaseAt })
  expect(await isHidden(trackId)).toBe(false)

  for (const releaseAt of [inMs(-delayMs), '2001-01-01T00:00:00+02:00']) {
    const { id } = await createUnreleased()
    expect(await ann.call(updateTrack, { trackId: id, visibility: 'public', releaseAt })).toMatchObject({
      releaseAt: null,
      publishedAt: expect.any(String) as string,
    })
  }
})

it('cannot be scheduled again after it was visible to others', async () => {
  const releaseAt = inMs(delayMs)
  const released = [{}, { visibility: 'unlisted' }, { visibility: 'followers' }, { visibility: 'private' }] as const
  for (const options of released) {
    const { id: trackId } = await makeTrack(ann.id, options)
    const problem = await ann.expectProblem(updateTrack, { trackId, releaseAt })
    expect(problem).toMatchObject({ code: 'already_released', status: 409 })
    // A releaseAt in the past means now, and changes nothing.
    await ann.call(updateTrack, { trackId, releaseAt: inMs(-1) })
  }
  const processing = await makeTrack(ann.id, { state: 'processing', publishedAt: null })
  expect(await ann.call(updateTrack, { trackId: processing.id, releaseAt })).toMatchObject({ releaseAt })
})

it.each(['2026-12-01', '2027-02-31T99:00:00Z', '2027-01-01T00:00:00', 'tomorrow', 'far'])('refuses %s', async value => {
  const { id: trackId } = await createUnreleased()
  const releaseAt = value === 'far' ? inMs(400 * 24 * 3_600_000) : value
  for (const [op, input] of [
    [updateTrack, { trackId, releaseAt }],
    [initiateUpload, { ...uploadFields, releaseAt }],
  ] as const)
    expect(await ann.expectProblem(op, input)).toMatchObject({ code: 'invalid_input', errors: [{ path: 'releaseAt' }] })
})

const uploadFields = { fileName: 'a.mp3', contentType: 'audio/mpeg', sizeBytes: 1, sha256: 'a'.repeat(64) } as const

it('is not released after it was deleted', async () => {
  const { id: trackId } = await createUnreleased()
  await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt: inMs(delayMs) })
  await ann.call(deleteTrack, { trackId })
  testApp.clock.advance(2 * delayMs)
  await releaseOverdueTracks.run({}, createJobContext())
  expect(await Track.findByPk(trackId)).toMatchObject({
    releaseVisibility: 'public',
    visibility: 'private',
    publishedAt: null,
  })
})

it('an upload with a release time is published then, or when its file is ready if that is later', async () => {
  const file = await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3', {})
  const releaseAt = inMs(delayMs)
  const { trackId } = await uploadFile(testApp, ann, file, { title: 'Early', releaseAt })
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'ready', visibility: 'public', releaseAt })
  expect(await isHidden(trackId)).toBe(true)

  const { id: late } = await makeTrack(ann.id, {
    ...{ state: 'processing', visibility: 'private', releaseVisibility: 'public', publishedAt: null },
    releaseAt: new Date(releaseAt),
  })
  testApp.clock.advance(delayMs)
  await releaseOverdueTracks.run({}, createJobContext())
  expect(await isHidden(trackId)).toBe(false)
  expect(await ann.call(getTrack, { trackId: late })).toMatchObject({ visibility: 'public', publishedAt: null })
})

it('a change concurrent with the release comes before it, or is refused', async () => {
  for (let round = 0; round < 6; round += 1) {
    const { id: trackId } = await createUnreleased()
    const releaseAt = inMs(delayMs)
    await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt })
    const [reply] = await Promise.all([
      ann.request(updateTrack, { trackId, releaseAt: inMs(2 * delayMs) }),
      ...[createJobContext(), createJobContext()].map(context => releaseTrack.run({ trackId, releaseAt }, context)),
    ])
    const isReleased = !(await isHidden(trackId))
    expect(reply.error?.code).toBe(isReleased ? 'already_released' : undefined)
    const track = await Track.findByPk(trackId)
    expect(track?.publishedAt === null).toBe(!isReleased)
  }
})

it('publishes on its channel nothing that was written before the release', async () => {
  const { id: trackId } = await createUnreleased()
  await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt: inMs(delayMs / 2) })
  await ann.call(updateTrack, { trackId, title: 'With a guest whom nobody is to know of yet' })
  await ann.call(updateTrack, { trackId, title: 'Alone' })
  await ann.call(updateTrack, { trackId, releaseAt: null })
  const { events } = await testApp.app.channelLog.readAfter(`track:${trackId}`, 0, 100)
  expect(JSON.stringify(events)).not.toContain('guest')
  expect(events.map(({ name }) => name)).toEqual(['tracks.trackChanged', 'tracks.trackPublished'])
  const { events: own } = await testApp.app.channelLog.readAfter(`user:${ann.id}`, 0, 100)
  expect(JSON.stringify(own)).toContain('guest')
})
