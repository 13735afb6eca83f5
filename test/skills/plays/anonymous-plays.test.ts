import { startPlay } from '../../../skills/plays/start-play'
import {
  networkPlaysPerDayMax,
  networkTrackPlaysPerDayMax,
  reportWithinMs,
  repeatWindowMsMin,
} from '../../../skills/plays/rules'
import { reportProgress } from '../../../skills/plays/report-progress'
import { makeTrack } from '../../factories'
import { createTestApp, type TestApp } from '../../test-app'
import { createPlayHelpers, type StartedPlay } from './play-helpers'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

let testApp: TestApp
let artistId: string
let playHelpers: ReturnType<typeof createPlayHelpers>
beforeAll(async () => {
  // The client address comes from the proxy's header.
  testApp = await createTestApp({ variables: { TRUSTED_PROXIES: '1' } })
  artistId = (await testApp.signIn('ann')).id
  playHelpers = createPlayHelpers(testApp)
})
afterAll(() => testApp[Symbol.asyncDispose]())

const advance = (ms: number) => testApp.clock.advance(ms)
/** Advances the clock to `ms` after the next midnight, or before it when negative. */
const advanceToMidnight = (ms: number) => advance(dayMs - (testApp.clock.now() % dayMs) + ms)

const createTrack = async (options = {}) => (await makeTrack(artistId, options)).id
const totals = async (trackId: string) => playHelpers.totals(await testApp.signIn('ann'), trackId)

const headersOf = (userAgent: string, address = '203.0.113.7') => ({
  'x-forwarded-for': address,
  'user-agent': userAgent,
})
type CallerHeaders = ReturnType<typeof headersOf>

const start = async (from: CallerHeaders, trackId: string) =>
  (await playHelpers.anonymously(startPlay, { trackId }, from)).data
const report = async (from: CallerHeaders, { id: playId }: StartedPlay, listenedMs: number, ended = false) =>
  (await playHelpers.anonymously(reportProgress, { playId, positionMs: 0, listenedMs, ended }, from)).data.outcome
/** Starts a play and reports it as ended after 31 seconds. */
const listen = async (from: CallerHeaders, trackId: string) => {
  const play = await start(from, trackId)
  advance(31_000)
  return report(from, play, 31_000, true)
}

describe('an anonymous listener', () => {
  it('is identified by network and user agent', async () => {
    const trackId = await createTrack()
    expect(await listen(headersOf('Firefox'), trackId)).toBe('counted')
    expect(await listen(headersOf('Firefox', '203.0.113.200'), trackId)).toBe('repeated')
    expect(await listen(headersOf('Safari'), trackId)).toBe('counted')
    expect(await listen(headersOf('Firefox', '198.51.100.1'), trackId)).toBe('counted')
    // Only the first 256 characters of the user agent count.
    const long = 'x'.repeat(256)
    expect(await listen(headersOf(`${long}1`), trackId)).toBe('counted')
    expect(await listen(headersOf(`${long}2`), trackId)).toBe('repeated')
    const rows = await testApp.app.db.query('select * from plays where track_id = :trackId', { trackId })
    for (const word of ['Firefox', '203.0']) expect(JSON.stringify(rows)).not.toContain(word)
  })

  it('has concurrent listening time counted once', async () => {
    const from = headersOf('Opera')
    const [one, other] = [await start(from, await createTrack()), await start(from, await createTrack())]
    advance(31_000)
    expect(await report(from, one, 31_000, true)).toBe('counted')
    expect(await report(from, other, 31_000, true)).toBe('concurrent')
  })

  it('becomes the signed-in listener who reports the same play with a token', async () => {
    const from = headersOf('Edge')
    const [one, trackId] = [await start(from, await createTrack()), await createTrack()]
    const eve = await testApp.signIn('eve')
    const other = await eve.call(startPlay, { trackId })
    advance(31_000)
    await eve.call(reportProgress, { playId: other.id, positionMs: 0, listenedMs: 31_000 })
    const reported = await eve.call(reportProgress, { playId: one.id, positionMs: 0, listenedMs: 31_000, ended: true })
    expect(reported).toMatchObject({ outcome: 'concurrent' })
  })
})

describe('a network', () => {
  it('has a daily limit of counted plays per track, over all user agents and under concurrency', async () => {
    advanceToMidnight(minuteMs)
    const trackId = await createTrack()
    const from = (n: number) => headersOf(`Program ${n}`, `192.0.2.${n}`)
    const many = Array.from({ length: networkTrackPlaysPerDayMax + 5 }, (_, n) => n + 1)
    const plays = await Promise.all(many.map(async n => ({ n, play: await start(from(n), trackId) })))
    advance(31_000)
    const outcomes = await Promise.all(plays.map(({ n, play }) => report(from(n), play, 31_000)))
    expect(outcomes.filter(outcome => outcome === 'counted')).toHaveLength(networkTrackPlaysPerDayMax)
    expect(outcomes.filter(outcome => outcome === 'network_limit')).toHaveLength(5)
    expect(await totals(trackId)).toEqual({ counted: networkTrackPlaysPerDayMax, network_limit: 5 })
    // The limit affects neither another network, nor a signed-in listener there, nor another track.
    expect(await listen(headersOf('Program 1', '198.51.100.1'), trackId)).toBe('counted')
    const fay = await testApp.signIn('fay')
    const headers = { 'x-forwarded-for': '192.0.2.1' }
    const { id: playId } = await fay.call(startPlay, { trackId }, { headers })
    advance(31_000)
    const reported = await fay.call(reportProgress, { playId, positionMs: 0, listenedMs: 31_000 }, { headers })
    expect(reported).toMatchObject({ outcome: 'counted' })
    expect(await listen(from(1), await createTrack())).toBe('counted')
    // A listener over the limit counts on the next day.
    const uncounted = from(many[outcomes.indexOf('network_limit')] ?? 0)
    expect(await listen(uncounted, trackId)).toBe('network_limit')
    advanceToMidnight(minuteMs)
    expect(await listen(uncounted, trackId)).toBe('counted')
  })

  it('has a daily limit of counted plays over all tracks', async () => {
    advanceToMidnight(minuteMs)
    const from = (n: number) => headersOf(`Program ${n}`, '192.0.3.1')
    expect(await listen(from(1), await createTrack())).toBe('counted')
    const remaining = networkPlaysPerDayMax - 1
    const add = `update network_play_counters set plays = plays + :more where plays = 1 and network_key not like '% %' returning network_key`
    expect((await testApp.app.db.query(add, { more: remaining - 1 })).length).toBeGreaterThan(0)
    expect(await listen(from(2), await createTrack())).toBe('counted')
    const trackId = await createTrack()
    expect(await listen(from(3), trackId)).toBe('network_limit')
    expect(await totals(trackId)).toEqual({ network_limit: 1 })
  })

  it('has its counter deleted after its day', async () => {
    expect(await listen(headersOf('Lynx'), await createTrack())).toBe('counted')
    const names = () =>
      testApp.app.db.query<{ name: string }>('select network_key as name from network_play_counters', {})
    expect(JSON.stringify(await names())).not.toContain('203.0')
    advance(3 * dayMs)
    await playHelpers.deleteExpired()
    expect(await names()).toEqual([])
  })
})

describe('midnight', () => {
  it('leaves the listener the same: the repeat window continues', async () => {
    const [trackId, from] = [await createTrack(), headersOf('Night')]
    advanceToMidnight(-10 * minuteMs)
    expect(await listen(from, trackId)).toBe('counted')
    advanceToMidnight(minuteMs)
    expect(await listen(from, trackId)).toBe('repeated')
    advance(repeatWindowMsMin)
    expect(await listen(from, trackId)).toBe('counted')
    expect(await totals(trackId)).toEqual({ counted: 2, repeated: 1 })
  })

  it('leaves the listener the same when the play started before it is reported last', async () => {
    const [trackId, from] = [await createTrack(), headersOf('Night')]
    advanceToMidnight(-10 * minuteMs)
    const early = await start(from, trackId)
    advanceToMidnight(minuteMs)
    expect(await listen(from, trackId)).toBe('counted')
    expect(await report(from, early, 31_000)).toBe('repeated')
  })

  it('leaves the listener the same when an offline play is reported a day later', async () => {
    const [trackId, from] = [await createTrack(), headersOf('Night')]
    advanceToMidnight(-10 * minuteMs)
    const early = await start(from, trackId)
    advance(reportWithinMs - minuteMs)
    expect(await report(from, early, 31_000)).toBe('counted')
    advanceToMidnight(minuteMs)
    expect(await listen(from, trackId)).toBe('repeated')
  })

  it('leaves the listener the same for concurrent plays', async () => {
    const from = headersOf('Night')
    advanceToMidnight(-10_000)
    const early = await start(from, await createTrack())
    advance(15_000)
    const late = await start(from, await createTrack())
    advance(30_000)
    expect(await report(from, early, 45_000, true)).toBe('counted')
    expect(await report(from, late, 30_000, true)).toBe('concurrent')
  })

  it('does not end the longest repeat window, which is a day', async () => {
    const [trackId, from] = [await createTrack({ durationMs: dayMs }), headersOf('Night')]
    advanceToMidnight(-minuteMs)
    expect(await listen(from, trackId)).toBe('counted')
    advance(dayMs - 2 * minuteMs)
    expect(await listen(from, trackId)).toBe('repeated')
    advance(3 * minuteMs)
    expect(await listen(from, trackId)).toBe('counted')
  })
})
