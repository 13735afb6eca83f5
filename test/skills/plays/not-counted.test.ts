import { joinParty } from '../../../skills/listening-party/join-party'
import { createParty } from '../../../skills/listening-party/create-party'
import { playParty } from '../../../skills/listening-party/play-party'
import { getNowPlaying } from '../../../skills/plays/get-now-playing'
import { listHistory } from '../../../skills/plays/list-history'
import { startPlay } from '../../../skills/plays/start-play'
import { reportProgress } from '../../../skills/plays/report-progress'
import { grantDownload } from '../../../skills/streaming/grant-download'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeTrack } from '../../factories'
import { makeStreamableTrack } from '../../make-streamable-track'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { createPlayHelpers } from './play-helpers'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

let testApp: TestApp
let ann: Person
let bob: Person
let playHelpers: ReturnType<typeof createPlayHelpers>
beforeAll(async () => {
  testApp = await createTestApp({
    variables: { CLOUDFRONT_DOMAIN: '', CLOUDFRONT_KEY_PAIR_ID: '', CLOUDFRONT_PRIVATE_KEY: '' },
  })
  ann = await testApp.signIn('ann', { ttlSeconds: 24 * 3600 })
  bob = await testApp.signIn('bob', { ttlSeconds: 24 * 3600 })
  playHelpers = createPlayHelpers(testApp)
})
afterAll(() => testApp[Symbol.asyncDispose]())

const createTrack = async (options = {}) => (await makeTrack(ann.id, options)).id
const report = (person: Person, playId: string, positionMs: number, listenedMs: number, ended = false) =>
  person.call(reportProgress, { playId, positionMs, listenedMs, ended })

it('fetching audio is no play: ranges, whole files and downloads', async () => {
  const { track: streamable } = await makeStreamableTrack(testApp.app, ann.id, { track: { isDownloadable: true } })
  const trackId = streamable.id
  const { hls, progressive } = await bob.call(grantStream, { trackId })
  const { url: download } = await bob.call(grantDownload, { trackId })
  for (const url of [progressive.url, download]) {
    expect((await fetch(url, { headers: { range: 'bytes=0-1' } })).status).toBe(206)
    expect((await fetch(url, { headers: { range: 'bytes=5-' } })).status).toBe(206)
    expect((await (await fetch(url)).arrayBuffer()).byteLength).toBeGreaterThan(0)
  }
  expect((await fetch(hls?.url ?? '')).status).toBe(200)
  testApp.clock.advance(hourMs)
  expect(await playHelpers.totals(ann, trackId)).toEqual({})
  expect(await bob.call(listHistory, {})).toEqual([])
  expect(await bob.call(getNowPlaying, {})).toBeNull()
})

it('muted playback is not listened to, however far it gets', async () => {
  const trackId = await createTrack()
  const { id } = await bob.call(startPlay, { trackId })
  for (let at = 10_000; at <= 180_000; at += 30_000) {
    testApp.clock.advance(30_000)
    expect(await report(bob, id, at, 0)).toMatchObject({ outcome: null })
  }
  expect(await report(bob, id, 180_000, 0, true)).toMatchObject({ outcome: 'too_short' })
  expect(await playHelpers.totals(ann, trackId)).toEqual({ too_short: 1 })
  expect(await bob.call(listHistory, {})).toEqual([])
})

it('seeks, pauses and resuming make no second play and add no listened time', async () => {
  const trackId = await createTrack()
  const { id } = await bob.call(startPlay, { trackId })
  const outcomes: (string | null)[] = []
  const steps = [
    { passed: 10_000, at: 10_000, listenedMs: 10_000 },
    { passed: 1_000, at: 175_000, listenedMs: 11_000 }, // a seek to the end
    { passed: 5_000, at: 180_000, listenedMs: 16_000 },
    { passed: 5 * minuteMs, at: 180_000, listenedMs: 16_000 }, // a pause
    { passed: 1_000, at: 0, listenedMs: 16_000 }, // from the start again
    { passed: 14_000, at: 14_000, listenedMs: 30_000 },
    { passed: 40_000, at: 54_000, listenedMs: 70_000 },
  ]
  for (const { passed, at, listenedMs } of steps) {
    testApp.clock.advance(passed)
    outcomes.push((await report(bob, id, at, listenedMs)).outcome)
  }
  expect(outcomes).toEqual([null, null, null, null, null, 'counted', 'counted'])
  expect(await playHelpers.totals(ann, trackId)).toEqual({ counted: 1 })
})

it('a loop is one play, and so is a long track', async () => {
  const [short, long] = [await createTrack({ durationMs: 20_000 }), await createTrack({ durationMs: 10 * hourMs })]
  const { id: loop } = await bob.call(startPlay, { trackId: short })
  for (let n = 1; n <= 7; n += 1) {
    testApp.clock.advance(hourMs)
    await report(bob, loop, 1_000, n * hourMs)
  }
  await report(bob, loop, 1_000, 7 * hourMs, true)
  expect(await playHelpers.totals(ann, short)).toEqual({ counted: 1 })
  const { id: first } = await bob.call(startPlay, { trackId: long })
  for (let n = 1; n <= 9; n += 1) {
    testApp.clock.advance(hourMs)
    await report(bob, first, n * hourMs, n * hourMs)
  }
  // The repeat window is at least the duration of the track.
  expect(await playHelpers.play(bob, long, minuteMs)).toMatchObject({ outcome: 'repeated' })
  expect(await playHelpers.totals(ann, long)).toEqual({ counted: 1, repeated: 1 })
})

it('a track of a party is a play of each member who reports it, and of nobody else', async () => {
  const [eve, fay, gil] = [await testApp.signIn('eve'), await testApp.signIn('fay'), await testApp.signIn('gil')]
  const trackId = await createTrack()
  const { party } = await ann.call(createParty, { title: 'Tonight', trackIds: [trackId] })
  for (const guest of [eve, fay, gil]) await guest.call(joinParty, { partyId: party.id })
  await ann.call(playParty, { partyId: party.id })
  // Ann plays it, Eve and Fay listen, and Gil is a member with the sound off.
  for (const [person, outcome] of [
    [ann, 'own_track'],
    [eve, 'counted'],
    [fay, 'counted'],
  ] as const)
    expect(await playHelpers.play(person, trackId, 40_000)).toMatchObject({ outcome })
  expect(await playHelpers.totals(ann, trackId)).toEqual({ own_track: 1, counted: 2 })
  // A person in two parties is one listener.
  const other = await createTrack()
  const [firstPlay, secondPlay] = [
    await eve.call(startPlay, { trackId: other }),
    await eve.call(startPlay, { trackId: other }),
  ]
  testApp.clock.advance(40_000)
  expect(await report(eve, firstPlay.id, 40_000, 40_000)).toMatchObject({ outcome: 'counted' })
  expect(await report(eve, secondPlay.id, 40_000, 40_000)).toMatchObject({ outcome: 'repeated' })
})
