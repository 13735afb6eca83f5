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
let on: ReturnType<typeof createPlayHelpers>
beforeAll(async () => {
  testApp = await createTestApp({
    variables: { CLOUDFRONT_DOMAIN: '', CLOUDFRONT_KEY_PAIR_ID: '', CLOUDFRONT_PRIVATE_KEY: '' },
  })
  ann = await testApp.signIn('ann', { ttlSeconds: 24 * 3600 })
  bob = await testApp.signIn('bob', { ttlSeconds: 24 * 3600 })
  on = createPlayHelpers(testApp)
})
afterAll(() => testApp[Symbol.asyncDispose]())

const track = async (wish = {}) => (await makeTrack(ann.id, wish)).id
const tell = (person: Person, playId: string, positionMs: number, listenedMs: number, ended = false) =>
  person.call(reportProgress, { playId, positionMs, listenedMs, ended })

it('what is fetched is no play: ahead of time, in ranges, in whole or as a download', async () => {
  const { track: made } = await makeStreamableTrack(testApp.app, ann.id, { track: { isDownloadable: true } })
  const trackId = made.id
  const { hls, progressive } = await bob.call(grantStream, { trackId })
  const { url: download } = await bob.call(grantDownload, { trackId })
  for (const url of [progressive.url, download]) {
    expect((await fetch(url, { headers: { range: 'bytes=0-1' } })).status).toBe(206)
    expect((await fetch(url, { headers: { range: 'bytes=5-' } })).status).toBe(206)
    expect((await (await fetch(url)).arrayBuffer()).byteLength).toBeGreaterThan(0)
  }
  expect((await fetch(hls?.url ?? '')).status).toBe(200)
  testApp.clock.advance(hourMs)
  expect(await on.totals(ann, trackId)).toEqual({})
  expect(await bob.call(listHistory, {})).toEqual([])
  expect(await bob.call(getNowPlaying, {})).toBeNull()
})

it('what plays by itself without a sound is not heard, however far it gets', async () => {
  const trackId = await track()
  const { id } = await bob.call(startPlay, { trackId })
  for (let at = 10_000; at <= 180_000; at += 30_000) {
    testApp.clock.advance(30_000)
    expect(await tell(bob, id, at, 0)).toMatchObject({ outcome: null })
  }
  expect(await tell(bob, id, 180_000, 0, true)).toMatchObject({ outcome: 'too_short' })
  expect(await on.totals(ann, trackId)).toEqual({ too_short: 1 })
  expect(await bob.call(listHistory, {})).toEqual([])
})

it('leaps, pauses and going on make no second play of one, and bring no time', async () => {
  const trackId = await track()
  const { id } = await bob.call(startPlay, { trackId })
  const told: (string | null)[] = []
  const steps = [
    { passed: 10_000, at: 10_000, heard: 10_000 },
    { passed: 1_000, at: 175_000, heard: 11_000 }, // a leap to the end
    { passed: 5_000, at: 180_000, heard: 16_000 },
    { passed: 5 * minuteMs, at: 180_000, heard: 16_000 }, // a pause
    { passed: 1_000, at: 0, heard: 16_000 }, // from the start again
    { passed: 14_000, at: 14_000, heard: 30_000 },
    { passed: 40_000, at: 54_000, heard: 70_000 },
  ]
  for (const { passed, at, heard } of steps) {
    testApp.clock.advance(passed)
    told.push((await tell(bob, id, at, heard)).outcome)
  }
  expect(told).toEqual([null, null, null, null, null, 'counted', 'counted'])
  expect(await on.totals(ann, trackId)).toEqual({ counted: 1 })
})

it('a loop is one play for as long as it goes on, and so is a long track', async () => {
  const [short, long] = [await track({ durationMs: 20_000 }), await track({ durationMs: 10 * hourMs })]
  const { id: loop } = await bob.call(startPlay, { trackId: short })
  for (let n = 1; n <= 7; n += 1) {
    testApp.clock.advance(hourMs)
    await tell(bob, loop, 1_000, n * hourMs)
  }
  await tell(bob, loop, 1_000, 7 * hourMs, true)
  expect(await on.totals(ann, short)).toEqual({ counted: 1 })
  const { id: first } = await bob.call(startPlay, { trackId: long })
  for (let n = 1; n <= 9; n += 1) {
    testApp.clock.advance(hourMs)
    await tell(bob, first, n * hourMs, n * hourMs)
  }
  // Its window is as long as it is: longer than that of others.
  expect(await on.play(bob, long, minuteMs)).toMatchObject({ outcome: 'repeated' })
  expect(await on.totals(ann, long)).toEqual({ counted: 1, repeated: 1 })
})

it('a party is a play for each member who says that they heard it, and for nobody else', async () => {
  const [eve, fay, gil] = [await testApp.signIn('eve'), await testApp.signIn('fay'), await testApp.signIn('gil')]
  const trackId = await track()
  const { party } = await ann.call(createParty, { title: 'Tonight', trackIds: [trackId] })
  for (const guest of [eve, fay, gil]) await guest.call(joinParty, { partyId: party.id })
  await ann.call(playParty, { partyId: party.id })
  // Ann plays it to them, Eve and Fay hear it, and Gil is in the room without a sound.
  for (const [person, outcome] of [
    [ann, 'own_track'],
    [eve, 'counted'],
    [fay, 'counted'],
  ] as const)
    expect(await on.play(person, trackId, 40_000)).toMatchObject({ outcome })
  expect(await on.totals(ann, trackId)).toEqual({ own_track: 1, counted: 2 })
  // At two parties at once one is one listener.
  const other = await track()
  const [here, there] = [await eve.call(startPlay, { trackId: other }), await eve.call(startPlay, { trackId: other })]
  testApp.clock.advance(40_000)
  expect(await tell(eve, here.id, 40_000, 40_000)).toMatchObject({ outcome: 'counted' })
  expect(await tell(eve, there.id, 40_000, 40_000)).toMatchObject({ outcome: 'repeated' })
})
