import { getTrackPlays } from '../../../skills/plays/get-track-plays'
import { startPlay } from '../../../skills/plays/start-play'
import { reportWithinMs, thresholdMsOf, repeatWindowMsOf } from '../../../skills/plays/rules'
import { reportProgress } from '../../../skills/plays/report-progress'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { createPlayHelpers } from './play-helpers'

const minuteMs = 60_000

let testApp: TestApp
let ann: Person
let bob: Person
let playHelpers: ReturnType<typeof createPlayHelpers>
beforeAll(async () => {
  // The client address comes from the proxy's header.
  testApp = await createTestApp({ variables: { TRUSTED_PROXIES: '1' } })
  ann = await testApp.signIn('ann', { ttlSeconds: 24 * 3600 })
  bob = await testApp.signIn('bob', { ttlSeconds: 24 * 3600 })
  playHelpers = createPlayHelpers(testApp)
})
afterAll(() => testApp[Symbol.asyncDispose]())

const createTrack = async (options = {}) => (await makeTrack(ann.id, options)).id

describe.each(transports)('a play over %s', transport => {
  it('counts once the threshold is reached, and stays counted', async () => {
    const trackId = await createTrack()
    const play = await bob.call(startPlay, { trackId, device: 'Phone' }, { transport })
    expect(play).toMatchObject({ trackId, outcome: null, thresholdMs: 30_000, reportIntervalMs: 10_000 })
    expect(await playHelpers.listen(bob, play, 10_000, {}, { transport })).toMatchObject({ outcome: null })
    expect(await playHelpers.listen(bob, play, 30_000, {}, { transport })).toMatchObject({ outcome: 'counted' })
    expect(await playHelpers.listen(bob, play, 40_000, { ended: true }, { transport })).toMatchObject({
      outcome: 'counted',
    })
    expect(await playHelpers.totals(ann, trackId)).toEqual({ counted: 1 })
  })
})

describe('a play that does not count names the reason', () => {
  it('too_short: it ends before the threshold', async () => {
    const trackId = await createTrack()
    expect(await playHelpers.play(bob, trackId, 29_000)).toMatchObject({ outcome: 'too_short' })
    expect(await playHelpers.totals(ann, trackId)).toEqual({ too_short: 1 })
  })

  it('own_track: the artist plays their own track', async () => {
    const trackId = await createTrack()
    expect(await playHelpers.play(ann, trackId, minuteMs)).toMatchObject({ outcome: 'own_track' })
    expect(await playHelpers.totals(ann, trackId)).toEqual({ own_track: 1 })
  })

  it('implausible: more is reported than time has passed', async () => {
    const trackId = await createTrack()
    const play = await bob.call(startPlay, { trackId })
    testApp.clock.advance(10_000)
    const reported = await bob.call(reportProgress, { playId: play.id, positionMs: 0, listenedMs: 30_000 })
    expect(reported).toMatchObject({ outcome: 'implausible' })
    expect(await playHelpers.listen(bob, play, minuteMs)).toMatchObject({ outcome: 'implausible' })
    expect(await playHelpers.totals(ann, trackId)).toEqual({ implausible: 1 })
  })

  it('repeated: again or on a second device within the repeat window', async () => {
    const trackId = await createTrack()
    const [one, other] = [await bob.call(startPlay, { trackId }), await bob.call(startPlay, { trackId })]
    const reported = await Promise.all([playHelpers.listen(bob, one, 40_000), playHelpers.listen(bob, other, 40_000)])
    expect(reported.map(({ outcome }) => outcome).sort()).toEqual(['counted', 'repeated'])
    expect(await playHelpers.play(bob, trackId, 40_000)).toMatchObject({ outcome: 'repeated' })
    expect(await playHelpers.totals(ann, trackId)).toEqual({ counted: 1, repeated: 2 })
    testApp.clock.advance(repeatWindowMsOf(180_000))
    expect(await playHelpers.play(bob, trackId, 40_000)).toMatchObject({ outcome: 'counted' })
    expect(await playHelpers.totals(ann, trackId)).toEqual({ counted: 2, repeated: 2 })
  })

  it('too_short: nothing is reported before the play expires', async () => {
    const trackId = await createTrack()
    const eve = await testApp.signIn('eve', { ttlSeconds: 24 * 3600 })
    const play = await eve.call(startPlay, { trackId })
    expect(await playHelpers.totals(ann, trackId)).toEqual({})
    testApp.clock.advance(reportWithinMs - minuteMs)
    expect(await playHelpers.totals(await signInAgain('ann'), trackId)).toEqual({})
    testApp.clock.advance(2 * minuteMs)
    const [artist, late] = [await signInAgain('ann'), await signInAgain('eve')]
    expect(await late.expectProblem(reportProgress, { playId: play.id, positionMs: 0, listenedMs: 0 })).toMatchObject({
      status: 410,
      code: 'play_expired',
    })
    await playHelpers.settle()
    const { totals } = await artist.call(getTrackPlays, { trackId })
    expect(totals).toEqual({ too_short: 1 })
    ann = artist
    bob = await signInAgain('bob')
  })
})

/** Signs in again, because the clock has passed the expiry of the token. */
const signInAgain = (name: string) => testApp.signIn(name, { ttlSeconds: 24 * 3600 })

it('offline listening counts when it is reported later', async () => {
  const trackId = await createTrack()
  const play = await bob.call(startPlay, { trackId })
  testApp.clock.advance(3 * 60 * minuteMs)
  const reported = await bob.call(reportProgress, { playId: play.id, positionMs: 1, listenedMs: 170_000, ended: true })
  expect(reported).toMatchObject({ outcome: 'counted' })
})

it('grants and plays without progress do not count', async () => {
  const trackId = await createTrack()
  for (let n = 0; n < 5; n += 1) await bob.call(grantStream, { trackId })
  await bob.call(startPlay, { trackId })
  expect(await playHelpers.totals(ann, trackId)).toEqual({})
})

it('progress reported again, late or out of order changes nothing', async () => {
  const trackId = await createTrack()
  const play = await bob.call(startPlay, { trackId })
  testApp.clock.advance(minuteMs)
  const report = (listenedMs: number) => bob.call(reportProgress, { playId: play.id, positionMs: 5, listenedMs })
  expect(await report(20_000)).toMatchObject({ outcome: null })
  expect(await report(5_000)).toMatchObject({ outcome: null })
  const all = await Promise.all(Array.from({ length: 10 }, () => report(31_000)))
  for (const { outcome } of all) expect(outcome).toBe('counted')
  expect(await playHelpers.totals(ann, trackId)).toEqual({ counted: 1 })
})

it('of 20 plays of one listener reported concurrently on two nodes, one counts', async () => {
  const trackId = await createTrack()
  const other = await testApp.signIn('bob', { node: 0, ttlSeconds: 24 * 3600 })
  const plays = await Promise.all(
    Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? bob : other).call(startPlay, { trackId })),
  )
  testApp.clock.advance(minuteMs)
  const reported = await Promise.all(
    plays.map(({ id: playId }, n) =>
      (n % 2 === 0 ? other : bob).call(reportProgress, { playId, positionMs: 0, listenedMs: 40_000 }),
    ),
  )
  expect(reported.filter(({ outcome }) => outcome === 'counted')).toHaveLength(1)
  expect(reported.filter(({ outcome }) => outcome === 'repeated')).toHaveLength(19)
  await Promise.all([playHelpers.settle(), playHelpers.settle(), playHelpers.settle()])
  expect(await playHelpers.totals(ann, trackId)).toEqual({ counted: 1, repeated: 19 })
})

describe('without a token', () => {
  const addressHeader = (address: string) => ({ 'x-forwarded-for': address })

  it('a network counts once per repeat window', async () => {
    const trackId = await createTrack()
    const outcomes: (string | null)[] = []
    for (const address of ['203.0.113.7', '203.0.113.99', '203.0.114.7', '2001:db8:1:2::1', '2001:db8:1:2:ffff::1']) {
      const { data } = await playHelpers.anonymously(startPlay, { trackId }, addressHeader(address))
      testApp.clock.advance(40_000)
      const input = { playId: data.id, positionMs: 0, listenedMs: 40_000 }
      outcomes.push((await playHelpers.anonymously(reportProgress, input, addressHeader(address))).data.outcome)
    }
    expect(outcomes).toEqual(['counted', 'repeated', 'counted', 'counted', 'repeated'])
  })

  it('no stored row contains the address, and the listener key changes daily', async () => {
    const trackId = await createTrack()
    const start = async () =>
      (await playHelpers.anonymously(startPlay, { trackId }, addressHeader('198.51.100.4'))).data.id
    const ids = [await start()]
    testApp.clock.advance(24 * 60 * minuteMs)
    ids.push(await start())
    const rows = await testApp.app.db.query<{ listener_key: string }>('select * from plays where id in (:ids)', { ids })
    expect(new Set(rows.map(row => row.listener_key)).size).toBe(2)
    expect(JSON.stringify(rows)).not.toContain('198.51')
    testApp.clock.advance(24 * 60 * minuteMs)
    await playHelpers.deleteExpired()
    const salts = await testApp.app.db.query<{ day: string }>('select day::text from listener_salts', {})
    const yesterday = new Date(testApp.clock.now() - 24 * 60 * minuteMs).toISOString().slice(0, 10)
    for (const { day } of salts) expect(day >= yesterday).toBe(true)
    ;[ann, bob] = [await signInAgain('ann'), await signInAgain('bob')]
  })
})

describe('a play belongs to its listener', () => {
  it('answers not_found to others', async () => {
    const trackId = await createTrack()
    const { id: playId } = await bob.call(startPlay, { trackId })
    const input = { playId, positionMs: 0, listenedMs: 0 }
    expect(await ann.expectProblem(reportProgress, input)).toMatchObject({ status: 404, code: 'not_found' })
    expect(await playHelpers.anonymously(reportProgress, input)).toMatchObject({ error: { code: 'not_found' } })
    const unknown = { ...input, playId: trackId }
    expect(await bob.expectProblem(reportProgress, unknown)).toMatchObject({ code: 'not_found' })
  })

  it('is refused for a track that is hidden or not ready', async () => {
    const hidden = await createTrack({ visibility: 'private' })
    expect(await bob.expectProblem(startPlay, { trackId: hidden })).toMatchObject({ code: 'not_found' })
    const unready = await createTrack({ state: 'processing', durationMs: null })
    expect(await ann.expectProblem(startPlay, { trackId: unready })).toMatchObject({ code: 'track_not_ready' })
  })

  it('rejects invalid progress', async () => {
    const { id: playId } = await bob.call(startPlay, { trackId: await createTrack() })
    for (const invalid of [{ listenedMs: -1 }, { listenedMs: 1.5 }, { positionMs: 1e12 }, { ended: 'yes' }])
      expect(
        await bob.expectProblem(reportProgress, { playId, positionMs: 0, listenedMs: 0, ...invalid }),
      ).toMatchObject({
        code: 'invalid_input',
      })
    expect(await bob.expectProblem(startPlay, { trackId: await createTrack(), device: 'x'.repeat(61) })).toMatchObject({
      code: 'invalid_input',
    })
  })
})

it('a repeated idempotency key starts one play', async () => {
  const trackId = await createTrack()
  const [one, other] = [
    await bob.call(startPlay, { trackId }, { idempotencyKey: 'k1' }),
    await bob.call(startPlay, { trackId }, { idempotencyKey: 'k1' }),
  ]
  expect(other.id).toBe(one.id)
})

describe('the totals', () => {
  it('are listed by day', async () => {
    const trackId = await createTrack()
    await playHelpers.play(bob, trackId, 10_000)
    await playHelpers.settle()
    testApp.clock.advance(24 * 60 * minuteMs)
    ;[ann, bob] = [await signInAgain('ann'), await signInAgain('bob')]
    await playHelpers.play(bob, trackId, 40_000)
    await playHelpers.settle()
    const { totals, days } = await ann.call(getTrackPlays, { trackId })
    expect(totals).toEqual({ too_short: 1, counted: 1 })
    expect(days.map(({ plays }) => plays)).toEqual([{ too_short: 1 }, { counted: 1 }])
    const [first = '', last = ''] = days.map(({ day }) => day)
    expect(Date.parse(last) - Date.parse(first)).toBe(24 * 60 * minuteMs)
    expect((await ann.call(getTrackPlays, { trackId, from: last, to: last })).totals).toEqual({ counted: 1 })
    expect((await ann.call(getTrackPlays, { trackId, to: first })).totals).toEqual({ too_short: 1 })
  })

  it('are readable only by the artist', async () => {
    const trackId = await createTrack()
    expect(await bob.expectProblem(getTrackPlays, { trackId })).toMatchObject({ status: 403, code: 'forbidden' })
  })

  it('are refused for invalid days and for too long a range', async () => {
    const trackId = await createTrack()
    for (const invalid of [
      { from: '2026-02-30' },
      { to: 'today' },
      { from: '2024-01-01', to: '2026-01-01' },
      { from: '2999-01-01' },
    ])
      expect(await ann.expectProblem(getTrackPlays, { trackId, ...invalid })).toMatchObject({ code: 'invalid_input' })
  })

  it('use a threshold of 30 seconds, or half the duration of shorter tracks', () => {
    expect([180_000, 60_000, 40_000, 1].map(thresholdMsOf)).toEqual([30_000, 30_000, 20_000, 1])
  })
})
