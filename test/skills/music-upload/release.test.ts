import { randomUUID } from 'node:crypto'
import { type JobContext } from '../../../kernel/job'
import { transact } from '../../../kernel/transact'
import { Follow, Track } from '../../../models'
import { product } from '../../../skills'
import { listLatest } from '../../../skills/feed/list-latest'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { releaseDue } from '../../../skills/music-upload/release-due'
import { releaseTrack } from '../../../skills/music-upload/release-track'
import { removeTrack } from '../../../skills/music-upload/remove-track'
import { updateTrack } from '../../../skills/music-upload/update-track'
import { listNotifications } from '../../../skills/notifications/list-notifications'
import { getTrack } from '../../../skills/streaming/get-track'
import { makeAudio } from '../../audio'
import { makeTrack } from '../../factories'
import { until } from '../../kernel/until'
import { doors, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { upload } from './uploading'

let world: TestWorld
let ann: Person
let bob: Person
beforeAll(async () => {
  world = await freshWorld()
})
let told = 0
beforeEach(async () => {
  told += 1
  ann = await world.person(`ann${told}`, { node: 0 })
  bob = await world.person(`bob${told}`, { node: 1 })
})
afterAll(() => world[Symbol.asyncDispose]())

/** Shorter than tokens last: who is signed in stays so while the clock is moved. */
const awhileMs = 600_000
const inMs = (ms: number) => new Date(world.clock.now() + ms).toISOString()
const kept = (wish: Parameters<typeof makeTrack>[1] = {}) =>
  makeTrack(ann.id, { visibility: 'private', publishedAt: null, ...wish })
const isHidden = async (trackId: string) => (await bob.ask(getTrack, { trackId })).error?.code === 'not_found'

/** A worker of its own. */
const worker = (): JobContext => ({
  world: world.world,
  attempt: 1,
  isLastAttempt: false,
  signal: new AbortController().signal,
  transact: work => transact({ world: world.world, product, actor: null, requestId: randomUUID() }, work),
})

// The queue goes by the clock of PostgreSQL, which nobody moves: first, while ours is the same.
it('is let out by its own job at its instant, and by none for an instant that was changed', async () => {
  const { id: trackId } = await kept()
  await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt: inMs(1_000) })
  const later = inMs(2_000)
  await ann.call(updateTrack, { trackId, releaseAt: later })
  await until(async () => {
    await world.work()
    const isOut = !(await isHidden(trackId))
    if (Date.now() < Date.parse(later)) expect(isOut).toBe(false)
    return isOut
  })
})

it.each(doors)('a track waits for its release, then is there, published and told of once, over %s', async door => {
  await Follow.create({ followerId: bob.id, followeeId: ann.id, createdAt: new Date() })
  const { id: trackId } = await kept()
  const releaseAt = inMs(awhileMs)
  const planned = await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt, title: 'Soon' }, { door })
  expect(planned).toMatchObject({ visibility: 'public', releaseAt, publishedAt: null })
  expect(await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt }, { door })).toEqual(planned)
  await world.work()
  expect(await isHidden(trackId)).toBe(true)
  const mine = await ann.hear(`user:${ann.id}`)

  // As after an outage: its own job was never done.
  world.clock.advance(awhileMs)
  expect(await isHidden(trackId)).toBe(true)
  await Promise.all([worker(), worker(), worker()].map(context => releaseDue.run({}, context)))
  await world.work()
  const seen = await bob.call(getTrack, { trackId }, { door })
  expect(seen).toMatchObject({ visibility: 'public', releaseAt, title: 'Soon', rev: planned.rev + 1 })
  expect(Date.parse(seen.publishedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(releaseAt))
  expect((await bob.call(listLatest, {})).map(({ id }) => id)).toContain(trackId)
  await mine.first('music-upload.trackPublished')
  await releaseDue.run({}, worker())
  await world.work()
  expect(mine.names().filter(name => name.startsWith('music-upload'))).toEqual([
    'music-upload.trackChanged',
    'music-upload.trackPublished',
  ])
  expect(await bob.call(listNotifications, {})).toMatchObject([{ kind: 'published', track: { title: 'Soon' } }])
})

it('may be changed until it is released: words, for whom, when, at once', async () => {
  const { id: trackId } = await kept()
  await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt: inMs(awhileMs) })
  const changed = await ann.call(updateTrack, { trackId, visibility: 'followers', title: 'Other' })
  expect(changed).toMatchObject({ visibility: 'followers', title: 'Other', releaseAt: expect.any(String) as string })
  expect(await isHidden(trackId)).toBe(true)
  const now = await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt: null })
  expect(now).toMatchObject({ visibility: 'public', publishedAt: now.releaseAt })
  expect(await isHidden(trackId)).toBe(false)

  for (const releaseAt of [inMs(-awhileMs), '2001-01-01T00:00:00+02:00']) {
    const { id } = await kept()
    expect(await ann.call(updateTrack, { trackId: id, visibility: 'public', releaseAt })).toMatchObject({
      releaseAt: null,
      publishedAt: expect.any(String) as string,
    })
  }
})

it('does not wait again once others had it', async () => {
  const releaseAt = inMs(awhileMs)
  const wasOut = [{}, { visibility: 'unlisted' }, { visibility: 'followers' }, { visibility: 'private' }] as const
  for (const wish of wasOut) {
    const { id: trackId } = await makeTrack(ann.id, wish)
    const problem = await ann.refused(updateTrack, { trackId, releaseAt })
    expect(problem).toMatchObject({ code: 'already_released', status: 409 })
    // What is past is now, and changes nothing.
    await ann.call(updateTrack, { trackId, releaseAt: inMs(-1) })
  }
  const processing = await makeTrack(ann.id, { state: 'processing', publishedAt: null })
  expect(await ann.call(updateTrack, { trackId: processing.id, releaseAt })).toMatchObject({ releaseAt })
})

it.each(['2026-12-01', '2027-02-31T99:00:00Z', '2027-01-01T00:00:00', 'tomorrow', 'far'])('refuses %s', async text => {
  const { id: trackId } = await kept()
  const releaseAt = text === 'far' ? inMs(400 * 24 * 3_600_000) : text
  for (const [op, input] of [
    [updateTrack, { trackId, releaseAt }],
    [initiateUpload, { ...announced, releaseAt }],
  ] as const)
    expect(await ann.refused(op, input)).toMatchObject({ code: 'invalid_input', errors: [{ path: 'releaseAt' }] })
})

const announced = { fileName: 'a.mp3', contentType: 'audio/mpeg', sizeBytes: 1, sha256: 'a'.repeat(64) } as const

it('is never released when it was removed', async () => {
  const { id: trackId } = await kept()
  await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt: inMs(awhileMs) })
  await ann.call(removeTrack, { trackId })
  world.clock.advance(2 * awhileMs)
  await releaseDue.run({}, worker())
  expect(await Track.findByPk(trackId)).toMatchObject({ releaseAs: 'public', visibility: 'private', publishedAt: null })
})

it('an upload is announced with its release: it waits for that, or for its file when that takes longer', async () => {
  const file = await makeAudio(world.world.config.tools.ffmpeg, 'mp3', {})
  const releaseAt = inMs(awhileMs)
  const { trackId } = await upload(world, ann, file, { title: 'Early', releaseAt })
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'ready', visibility: 'public', releaseAt })
  expect(await isHidden(trackId)).toBe(true)

  const { id: late } = await makeTrack(ann.id, {
    ...{ state: 'processing', visibility: 'private', releaseAs: 'public', publishedAt: null },
    releaseAt: new Date(releaseAt),
  })
  world.clock.advance(awhileMs)
  await releaseDue.run({}, worker())
  expect(await isHidden(trackId)).toBe(false)
  expect(await ann.call(getTrack, { trackId: late })).toMatchObject({ visibility: 'public', publishedAt: null })
})

it('a change that meets the release comes before it, or is refused', async () => {
  for (let round = 0; round < 6; round += 1) {
    const { id: trackId } = await kept()
    const releaseAt = inMs(awhileMs)
    await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt })
    const [reply] = await Promise.all([
      ann.ask(updateTrack, { trackId, releaseAt: inMs(2 * awhileMs) }),
      ...[worker(), worker()].map(context => releaseTrack.run({ trackId, releaseAt }, context)),
    ])
    const isOut = !(await isHidden(trackId))
    expect(reply.error?.code).toBe(isOut ? 'already_released' : undefined)
    const track = await Track.findByPk(trackId)
    expect(track?.publishedAt === null).toBe(!isOut)
  }
})

it('says nothing on its channel of what was written before it came out', async () => {
  const { id: trackId } = await kept()
  await ann.call(updateTrack, { trackId, visibility: 'public', releaseAt: inMs(awhileMs / 2) })
  await ann.call(updateTrack, { trackId, title: 'With a guest whom nobody is to know of yet' })
  await ann.call(updateTrack, { trackId, title: 'Alone' })
  await ann.call(updateTrack, { trackId, releaseAt: null })
  const { events } = await world.world.channels.after(`track:${trackId}`, 0, 100)
  expect(JSON.stringify(events)).not.toContain('guest')
  expect(events.map(({ name }) => name)).toEqual(['music-upload.trackChanged', 'music-upload.trackPublished'])
  const { events: own } = await world.world.channels.after(`user:${ann.id}`, 0, 100)
  expect(JSON.stringify(own)).toContain('guest')
})
