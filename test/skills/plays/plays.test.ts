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
let on: ReturnType<typeof createPlayHelpers>
beforeAll(async () => {
  // Addresses are told by the proxy.
  testApp = await createTestApp({ variables: { TRUSTED_PROXIES: '1' } })
  ann = await testApp.signIn('ann', { ttlSeconds: 24 * 3600 })
  bob = await testApp.signIn('bob', { ttlSeconds: 24 * 3600 })
  on = createPlayHelpers(testApp)
})
afterAll(() => testApp[Symbol.asyncDispose]())

const track = async (wish = {}) => (await makeTrack(ann.id, wish)).id

describe.each(transports)('a play over %s', transport => {
  it('counts once enough was heard, and stays counted', async () => {
    const trackId = await track()
    const play = await bob.call(startPlay, { trackId, device: 'Phone' }, { transport })
    expect(play).toMatchObject({ trackId, outcome: null, thresholdMs: 30_000, reportIntervalMs: 10_000 })
    expect(await on.hear(bob, play, 10_000, {}, { transport })).toMatchObject({ outcome: null })
    expect(await on.hear(bob, play, 30_000, {}, { transport })).toMatchObject({ outcome: 'counted' })
    expect(await on.hear(bob, play, 40_000, { ended: true }, { transport })).toMatchObject({
      outcome: 'counted',
    })
    expect(await on.totals(ann, trackId)).toEqual({ counted: 1 })
  })
})

describe('what does not count says why', () => {
  it('one that ends before enough was heard', async () => {
    const trackId = await track()
    expect(await on.play(bob, trackId, 29_000)).toMatchObject({ outcome: 'too_short' })
    expect(await on.totals(ann, trackId)).toEqual({ too_short: 1 })
  })

  it('the artist’s own', async () => {
    const trackId = await track()
    expect(await on.play(ann, trackId, minuteMs)).toMatchObject({ outcome: 'own_track' })
    expect(await on.totals(ann, trackId)).toEqual({ own_track: 1 })
  })

  it('more than can have been heard meanwhile', async () => {
    const trackId = await track()
    const play = await bob.call(startPlay, { trackId })
    testApp.clock.advance(10_000)
    const told = await bob.call(reportProgress, { playId: play.id, positionMs: 0, listenedMs: 30_000 })
    expect(told).toMatchObject({ outcome: 'implausible' })
    expect(await on.hear(bob, play, minuteMs)).toMatchObject({ outcome: 'implausible' })
    expect(await on.totals(ann, trackId)).toEqual({ implausible: 1 })
  })

  it('loops, coming back and a second device, until the window is over', async () => {
    const trackId = await track()
    const [one, other] = [await bob.call(startPlay, { trackId }), await bob.call(startPlay, { trackId })]
    const told = await Promise.all([on.hear(bob, one, 40_000), on.hear(bob, other, 40_000)])
    expect(told.map(({ outcome }) => outcome).sort()).toEqual(['counted', 'repeated'])
    expect(await on.play(bob, trackId, 40_000)).toMatchObject({ outcome: 'repeated' })
    expect(await on.totals(ann, trackId)).toEqual({ counted: 1, repeated: 2 })
    testApp.clock.advance(repeatWindowMsOf(180_000))
    expect(await on.play(bob, trackId, 40_000)).toMatchObject({ outcome: 'counted' })
    expect(await on.totals(ann, trackId)).toEqual({ counted: 2, repeated: 2 })
  })

  it('one that nobody tells of any more, once it is too late for that', async () => {
    const trackId = await track()
    const eve = await testApp.signIn('eve', { ttlSeconds: 24 * 3600 })
    const play = await eve.call(startPlay, { trackId })
    expect(await on.totals(ann, trackId)).toEqual({})
    testApp.clock.advance(reportWithinMs - minuteMs)
    expect(await on.totals(await again('ann'), trackId)).toEqual({})
    testApp.clock.advance(2 * minuteMs)
    const [artist, late] = [await again('ann'), await again('eve')]
    expect(await late.expectProblem(reportProgress, { playId: play.id, positionMs: 0, listenedMs: 0 })).toMatchObject({
      status: 410,
      code: 'play_expired',
    })
    await on.settle()
    const { totals } = await artist.call(getTrackPlays, { trackId })
    expect(totals).toEqual({ too_short: 1 })
    ann = artist
    bob = await again('bob')
  })
})

/** With a token that is good again. */
const again = (name: string) => testApp.signIn(name, { ttlSeconds: 24 * 3600 })

it('what was heard offline counts when it is told later', async () => {
  const trackId = await track()
  const play = await bob.call(startPlay, { trackId })
  testApp.clock.advance(3 * 60 * minuteMs)
  const told = await bob.call(reportProgress, { playId: play.id, positionMs: 1, listenedMs: 170_000, ended: true })
  expect(told).toMatchObject({ outcome: 'counted' })
})

it('grants, ranges and plays that are only opened count for nothing', async () => {
  const trackId = await track()
  for (let n = 0; n < 5; n += 1) await bob.call(grantStream, { trackId })
  await bob.call(startPlay, { trackId })
  expect(await on.totals(ann, trackId)).toEqual({})
})

it('what is told again, late or out of order changes nothing', async () => {
  const trackId = await track()
  const play = await bob.call(startPlay, { trackId })
  testApp.clock.advance(minuteMs)
  const tell = (listenedMs: number) => bob.call(reportProgress, { playId: play.id, positionMs: 5, listenedMs })
  expect(await tell(20_000)).toMatchObject({ outcome: null })
  expect(await tell(5_000)).toMatchObject({ outcome: null })
  const all = await Promise.all(Array.from({ length: 10 }, () => tell(31_000)))
  for (const { outcome } of all) expect(outcome).toBe('counted')
  expect(await on.totals(ann, trackId)).toEqual({ counted: 1 })
})

it('of 20 plays of one listener that are told at once, on two nodes, one counts', async () => {
  const trackId = await track()
  const other = await testApp.signIn('bob', { node: 0, ttlSeconds: 24 * 3600 })
  const plays = await Promise.all(
    Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? bob : other).call(startPlay, { trackId })),
  )
  testApp.clock.advance(minuteMs)
  const told = await Promise.all(
    plays.map(({ id: playId }, n) =>
      (n % 2 === 0 ? other : bob).call(reportProgress, { playId, positionMs: 0, listenedMs: 40_000 }),
    ),
  )
  expect(told.filter(({ outcome }) => outcome === 'counted')).toHaveLength(1)
  expect(told.filter(({ outcome }) => outcome === 'repeated')).toHaveLength(19)
  await Promise.all([on.settle(), on.settle(), on.settle()])
  expect(await on.totals(ann, trackId)).toEqual({ counted: 1, repeated: 19 })
})

describe('without a token', () => {
  const from = (address: string) => ({ 'x-forwarded-for': address })

  it('one network counts once a window, another by itself', async () => {
    const trackId = await track()
    const outcomes: (string | null)[] = []
    for (const address of ['203.0.113.7', '203.0.113.99', '203.0.114.7', '2001:db8:1:2::1', '2001:db8:1:2:ffff::1']) {
      const { data } = await on.anonymously(startPlay, { trackId }, from(address))
      testApp.clock.advance(40_000)
      const input = { playId: data.id, positionMs: 0, listenedMs: 40_000 }
      outcomes.push((await on.anonymously(reportProgress, input, from(address))).data.outcome)
    }
    expect(outcomes).toEqual(['counted', 'repeated', 'counted', 'counted', 'repeated'])
  })

  it('nothing that is kept says where it came from, and tomorrow the name is another one', async () => {
    const trackId = await track()
    const open = async () => (await on.anonymously(startPlay, { trackId }, from('198.51.100.4'))).data.id
    const ids = [await open()]
    testApp.clock.advance(24 * 60 * minuteMs)
    ids.push(await open())
    const rows = await testApp.app.db.query<{ listener: string }>('select * from plays where id in (:ids)', { ids })
    expect(new Set(rows.map(({ listener }) => listener)).size).toBe(2)
    expect(JSON.stringify(rows)).not.toContain('198.51')
    testApp.clock.advance(24 * 60 * minuteMs)
    await on.settle()
    const salts = await testApp.app.db.query<{ day: string }>('select day::text from listener_salts', {})
    const yesterday = new Date(testApp.clock.now() - 24 * 60 * minuteMs).toISOString().slice(0, 10)
    for (const { day } of salts) expect(day >= yesterday).toBe(true)
    ;[ann, bob] = [await again('ann'), await again('bob')]
  })
})

describe('a play belongs to its listener', () => {
  it('others do not find it', async () => {
    const trackId = await track()
    const { id: playId } = await bob.call(startPlay, { trackId })
    const input = { playId, positionMs: 0, listenedMs: 0 }
    expect(await ann.expectProblem(reportProgress, input)).toMatchObject({ status: 404, code: 'not_found' })
    expect(await on.anonymously(reportProgress, input)).toMatchObject({ error: { code: 'not_found' } })
    const unknown = { ...input, playId: trackId }
    expect(await bob.expectProblem(reportProgress, unknown)).toMatchObject({ code: 'not_found' })
  })

  it('of a track that one may not know of, or that is not ready, there is none', async () => {
    const hidden = await track({ visibility: 'private' })
    expect(await bob.expectProblem(startPlay, { trackId: hidden })).toMatchObject({ code: 'not_found' })
    const raw = await track({ state: 'processing', durationMs: null })
    expect(await ann.expectProblem(startPlay, { trackId: raw })).toMatchObject({ code: 'not_ready' })
  })

  it('with a wrong progress it is refused and stays as it was', async () => {
    const { id: playId } = await bob.call(startPlay, { trackId: await track() })
    for (const wrong of [{ listenedMs: -1 }, { listenedMs: 1.5 }, { positionMs: 1e12 }, { ended: 'yes' }])
      expect(await bob.expectProblem(reportProgress, { playId, positionMs: 0, listenedMs: 0, ...wrong })).toMatchObject(
        {
          code: 'invalid_input',
        },
      )
    expect(await bob.expectProblem(startPlay, { trackId: await track(), device: 'x'.repeat(61) })).toMatchObject({
      code: 'invalid_input',
    })
  })
})

it('asked with one key twice it is one play', async () => {
  const trackId = await track()
  const [one, other] = [
    await bob.call(startPlay, { trackId }, { idempotencyKey: 'k1' }),
    await bob.call(startPlay, { trackId }, { idempotencyKey: 'k1' }),
  ]
  expect(other.id).toBe(one.id)
})

describe('the totals', () => {
  it('are told day by day', async () => {
    const trackId = await track()
    await on.play(bob, trackId, 10_000)
    await on.settle()
    testApp.clock.advance(24 * 60 * minuteMs)
    ;[ann, bob] = [await again('ann'), await again('bob')]
    await on.play(bob, trackId, 40_000)
    await on.settle()
    const { totals, days } = await ann.call(getTrackPlays, { trackId })
    expect(totals).toEqual({ too_short: 1, counted: 1 })
    expect(days.map(({ plays }) => plays)).toEqual([{ too_short: 1 }, { counted: 1 }])
    const [first = '', last = ''] = days.map(({ day }) => day)
    expect(Date.parse(last) - Date.parse(first)).toBe(24 * 60 * minuteMs)
    expect((await ann.call(getTrackPlays, { trackId, from: last, to: last })).totals).toEqual({ counted: 1 })
    expect((await ann.call(getTrackPlays, { trackId, to: first })).totals).toEqual({ too_short: 1 })
  })

  it('are the artist’s alone', async () => {
    const trackId = await track()
    expect(await bob.expectProblem(getTrackPlays, { trackId })).toMatchObject({ status: 403, code: 'forbidden' })
  })

  it('are refused for days that there are not, and for too many', async () => {
    const trackId = await track()
    for (const wrong of [
      { from: '2026-02-30' },
      { to: 'today' },
      { from: '2024-01-01', to: '2026-01-01' },
      { from: '2999-01-01' },
    ])
      expect(await ann.expectProblem(getTrackPlays, { trackId, ...wrong })).toMatchObject({ code: 'invalid_input' })
  })

  it('have a threshold of half a minute, or of half of what is shorter than a minute', () => {
    expect([180_000, 60_000, 40_000, 1].map(thresholdMsOf)).toEqual([30_000, 30_000, 20_000, 1])
  })
})
