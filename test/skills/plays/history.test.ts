import { clearHistory } from '../../../skills/plays/clear-history'
import { getNowPlaying } from '../../../skills/plays/get-now-playing'
import { getHistorySettings } from '../../../skills/plays/get-history-settings'
import { updateHistorySettings } from '../../../skills/plays/update-history-settings'
import { listHistory } from '../../../skills/plays/list-history'
import { startPlay } from '../../../skills/plays/start-play'
import { reportProgress } from '../../../skills/plays/report-progress'
import { updateTrack } from '../../../skills/tracks/update-track'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { createPlayHelpers } from './play-helpers'

let testApp: TestApp
let ann: Person
let playHelpers: ReturnType<typeof createPlayHelpers>
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  playHelpers = createPlayHelpers(testApp)
})
afterAll(() => testApp[Symbol.asyncDispose]())

const createTracks = async (count: number) => {
  const ids: string[] = []
  for (let n = 0; n < count; n += 1) ids.push((await makeTrack(ann.id)).id)
  return ids
}
const historyOf = async (person: Person) => (await person.call(listHistory, {})).map(({ track }) => track.id)

describe.each(transports)('the history over %s', transport => {
  it('lists each track once that reached the threshold, latest first, in pages', async () => {
    const bob = await testApp.signIn(`bob-${transport}`)
    const [one = '', two = '', three = '', skipped = ''] = await createTracks(4)
    for (const trackId of [one, two, three, one]) await playHelpers.play(bob, trackId, 31_000)
    await playHelpers.play(bob, skipped, 5_000)
    const first = await bob.request(listHistory, { limit: 2 }, { transport })
    expect(first).toMatchObject({ data: [{ track: { id: one } }, { track: { id: three } }], page: { hasMore: true } })
    const rest = await bob.request(listHistory, { limit: 2, cursor: first.page?.next }, { transport })
    expect(rest).toMatchObject({ data: [{ track: { id: two } }], page: { next: null } })
  })
})

it('the listener can pause and clear the history, without effect on the totals of artists', async () => {
  const eve = await testApp.signIn('eve')
  const [one = '', two = '', three = ''] = await createTracks(3)
  expect(await eve.call(getHistorySettings, {})).toEqual({ enabled: true })
  await playHelpers.play(eve, one, 31_000)
  expect(await eve.call(updateHistorySettings, { enabled: false })).toEqual({ enabled: false })
  expect(await eve.call(getHistorySettings, {})).toEqual({ enabled: false })
  await playHelpers.play(eve, two, 31_000)
  expect(await historyOf(eve)).toEqual([one])
  expect(await eve.call(clearHistory, {})).toEqual({ done: true })
  expect(await eve.call(clearHistory, {})).toEqual({ done: true })
  expect(await historyOf(eve)).toEqual([])
  await eve.call(updateHistorySettings, { enabled: true })
  await playHelpers.play(eve, three, 31_000)
  expect(await historyOf(eve)).toEqual([three])
  for (const trackId of [one, two, three]) expect(await playHelpers.totals(ann, trackId)).toEqual({ counted: 1 })
})

it('the history leaves out tracks the listener may no longer see, and nobody else can read it', async () => {
  const fay = await testApp.signIn('fay')
  const [one = '', two = ''] = await createTracks(2)
  for (const trackId of [one, two]) await playHelpers.play(fay, trackId, 31_000)
  await ann.call(updateTrack, { trackId: two, visibility: 'private' })
  expect(await historyOf(fay)).toEqual([one])
  expect(await historyOf(ann)).toEqual([])
})

it('another device is notified of what is playing and can continue it', async () => {
  const gil = await testApp.signIn('gil')
  expect(await gil.call(getNowPlaying, {})).toBeNull()
  const [trackId = ''] = await createTracks(1)
  const recorder = await gil.recordEvents(`user:${gil.id}`)
  const { id: playId } = await gil.call(startPlay, { trackId, device: 'Phone' })
  await recorder.waitFor('plays.nowPlayingChanged', ({ ended }) => ended === false)
  testApp.clock.advance(42_000)
  await gil.call(reportProgress, { playId, positionMs: 41_500, listenedMs: 42_000 })
  expect(await gil.call(getNowPlaying, {}, { transport: 'socket' })).toMatchObject({
    playId,
    track: { id: trackId },
    device: 'Phone',
    positionMs: 41_500,
  })
  await gil.call(reportProgress, { playId, positionMs: 50_000, listenedMs: 42_000, ended: true })
  const { data } = await recorder.waitFor('plays.nowPlayingChanged', ({ ended }) => ended === true)
  expect(data).toMatchObject({ playId, trackId, device: 'Phone', positionMs: 50_000 })
  await ann.call(updateTrack, { trackId, visibility: 'private' })
  expect(await gil.call(getNowPlaying, {})).toBeNull()
})
