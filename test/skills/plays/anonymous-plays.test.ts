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
let on: ReturnType<typeof createPlayHelpers>
beforeAll(async () => {
  // Addresses are told by the proxy.
  testApp = await createTestApp({ variables: { TRUSTED_PROXIES: '1' } })
  artistId = (await testApp.signIn('ann')).id
  on = createPlayHelpers(testApp)
})
afterAll(() => testApp[Symbol.asyncDispose]())

const pass = (ms: number) => testApp.clock.advance(ms)
/** To so long before the next midnight, or after it. */
const passToMidnight = (ms: number) => pass(dayMs - (testApp.clock.now() % dayMs) + ms)

const track = async (wish = {}) => (await makeTrack(artistId, wish)).id
const totals = async (trackId: string) => on.totals(await testApp.signIn('ann'), trackId)

const by = (agent: string, address = '203.0.113.7') => ({ 'x-forwarded-for': address, 'user-agent': agent })
type From = ReturnType<typeof by>

const open = async (from: From, trackId: string) => (await on.anonymously(startPlay, { trackId }, from)).data
const tell = async (from: From, { id: playId }: StartedPlay, listenedMs: number, ended = false) =>
  (await on.anonymously(reportProgress, { playId, positionMs: 0, listenedMs, ended }, from)).data.outcome
/** Listens for long enough at once. */
const hear = async (from: From, trackId: string) => {
  const play = await open(from, trackId)
  pass(31_000)
  return tell(from, play, 31_000, true)
}

describe('who has no token', () => {
  it('is told apart by their network and by what their program says it is', async () => {
    const trackId = await track()
    expect(await hear(by('Firefox'), trackId)).toBe('counted')
    expect(await hear(by('Firefox', '203.0.113.200'), trackId)).toBe('repeated')
    expect(await hear(by('Safari'), trackId)).toBe('counted')
    expect(await hear(by('Firefox', '198.51.100.1'), trackId)).toBe('counted')
    // No longer than what is looked at.
    const long = 'x'.repeat(256)
    expect(await hear(by(`${long}1`), trackId)).toBe('counted')
    expect(await hear(by(`${long}2`), trackId)).toBe('repeated')
    const rows = await testApp.app.db.query('select * from plays where track_id = :trackId', { trackId })
    for (const word of ['Firefox', '203.0']) expect(JSON.stringify(rows)).not.toContain(word)
  })

  it('hears one thing at a time, too', async () => {
    const from = by('Opera')
    const [one, other] = [await open(from, await track()), await open(from, await track())]
    pass(31_000)
    expect(await tell(from, one, 31_000, true)).toBe('counted')
    expect(await tell(from, other, 31_000, true)).toBe('concurrent')
  })

  it('is the same as somebody signed in who tells of it with a token', async () => {
    const from = by('Edge')
    const [one, trackId] = [await open(from, await track()), await track()]
    const eve = await testApp.signIn('eve')
    const other = await eve.call(startPlay, { trackId })
    pass(31_000)
    await eve.call(reportProgress, { playId: other.id, positionMs: 0, listenedMs: 31_000 })
    const told = await eve.call(reportProgress, { playId: one.id, positionMs: 0, listenedMs: 31_000, ended: true })
    expect(told).toMatchObject({ outcome: 'concurrent' })
  })
})

describe('one network', () => {
  it('counts for a track so often in a day, whatever its programs say they are, and however many ask at once', async () => {
    passToMidnight(minuteMs)
    const trackId = await track()
    const from = (n: number) => by(`Program ${n}`, `192.0.2.${n}`)
    const many = Array.from({ length: networkTrackPlaysPerDayMax + 5 }, (_, n) => n + 1)
    const plays = await Promise.all(many.map(async n => ({ n, play: await open(from(n), trackId) })))
    pass(31_000)
    const outcomes = await Promise.all(plays.map(({ n, play }) => tell(from(n), play, 31_000)))
    expect(outcomes.filter(outcome => outcome === 'counted')).toHaveLength(networkTrackPlaysPerDayMax)
    expect(outcomes.filter(outcome => outcome === 'network_limit')).toHaveLength(5)
    expect(await totals(trackId)).toEqual({ counted: networkTrackPlaysPerDayMax, network_limit: 5 })
    // Another network, somebody signed in there, and another track are not concerned.
    expect(await hear(by('Program 1', '198.51.100.1'), trackId)).toBe('counted')
    const fay = await testApp.signIn('fay')
    const headers = { 'x-forwarded-for': '192.0.2.1' }
    const { id: playId } = await fay.call(startPlay, { trackId }, { headers })
    pass(31_000)
    const told = await fay.call(reportProgress, { playId, positionMs: 0, listenedMs: 31_000 }, { headers })
    expect(told).toMatchObject({ outcome: 'counted' })
    expect(await hear(from(1), await track())).toBe('counted')
    // Who has not been counted is free to be on the next day.
    const left = from(many[outcomes.indexOf('network_limit')] ?? 0)
    expect(await hear(left, trackId)).toBe('network_limit')
    passToMidnight(minuteMs)
    expect(await hear(left, trackId)).toBe('counted')
  })

  it('counts so often for all tracks', async () => {
    passToMidnight(minuteMs)
    const from = (n: number) => by(`Program ${n}`, '192.0.3.1')
    expect(await hear(from(1), await track())).toBe('counted')
    const almost = networkPlaysPerDayMax - 1
    const add = `update network_play_counters set plays = plays + :more where plays = 1 and network_key not like '% %' returning network_key`
    expect((await testApp.app.db.query(add, { more: almost - 1 })).length).toBeGreaterThan(0)
    expect(await hear(from(2), await track())).toBe('counted')
    const trackId = await track()
    expect(await hear(from(3), trackId)).toBe('network_limit')
    expect(await totals(trackId)).toEqual({ network_limit: 1 })
  })

  it('is forgotten when its day is over', async () => {
    expect(await hear(by('Lynx'), await track())).toBe('counted')
    const names = () =>
      testApp.app.db.query<{ name: string }>('select network_key as name from network_play_counters', {})
    expect(JSON.stringify(await names())).not.toContain('203.0')
    pass(3 * dayMs)
    await on.settle()
    expect(await names()).toEqual([])
  })
})

describe('midnight', () => {
  it('makes nobody another listener: the window goes on', async () => {
    const [trackId, from] = [await track(), by('Night')]
    passToMidnight(-10 * minuteMs)
    expect(await hear(from, trackId)).toBe('counted')
    passToMidnight(minuteMs)
    expect(await hear(from, trackId)).toBe('repeated')
    pass(repeatWindowMsMin)
    expect(await hear(from, trackId)).toBe('counted')
    expect(await totals(trackId)).toEqual({ counted: 2, repeated: 1 })
  })

  it('nor if the play that was opened before it is the later one to be told', async () => {
    const [trackId, from] = [await track(), by('Night')]
    passToMidnight(-10 * minuteMs)
    const early = await open(from, trackId)
    passToMidnight(minuteMs)
    expect(await hear(from, trackId)).toBe('counted')
    expect(await tell(from, early, 31_000)).toBe('repeated')
  })

  it('nor if it was heard offline a day later', async () => {
    const [trackId, from] = [await track(), by('Night')]
    passToMidnight(-10 * minuteMs)
    const early = await open(from, trackId)
    pass(reportWithinMs - minuteMs)
    expect(await tell(from, early, 31_000)).toBe('counted')
    passToMidnight(minuteMs)
    expect(await hear(from, trackId)).toBe('repeated')
  })

  it('nor for what is heard at the same time', async () => {
    const from = by('Night')
    passToMidnight(-10_000)
    const early = await open(from, await track())
    pass(15_000)
    const late = await open(from, await track())
    pass(30_000)
    expect(await tell(from, early, 45_000, true)).toBe('counted')
    expect(await tell(from, late, 30_000, true)).toBe('concurrent')
  })

  it('the longest window is as long as a day, and holds over it', async () => {
    const [trackId, from] = [await track({ durationMs: dayMs }), by('Night')]
    passToMidnight(-minuteMs)
    expect(await hear(from, trackId)).toBe('counted')
    pass(dayMs - 2 * minuteMs)
    expect(await hear(from, trackId)).toBe('repeated')
    pass(3 * minuteMs)
    expect(await hear(from, trackId)).toBe('counted')
  })
})
