import { startPlay } from '../../../skills/plays/start-play'
import { getNowPlaying } from '../../../skills/plays/get-now-playing'
import { listHistory } from '../../../skills/plays/list-history'
import { reportWithinMs, toleranceMs } from '../../../skills/plays/rules'
import { reportProgress } from '../../../skills/plays/report-progress'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { createPlayHelpers, type StartedPlay } from './play-helpers'

const minuteMs = 60_000
const signInOptions = { ttlSeconds: 24 * 3600 }

let testApp: TestApp
let ann: Person
let playHelpers: ReturnType<typeof createPlayHelpers>
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann', signInOptions)
  playHelpers = createPlayHelpers(testApp)
})
afterAll(() => testApp[Symbol.asyncDispose]())

const createTrack = async (options = {}) => (await makeTrack(ann.id, options)).id
const start = async (person: Person, trackId?: string) =>
  person.call(startPlay, { trackId: trackId ?? (await createTrack()) })
const report = (person: Person, { id: playId }: StartedPlay, listenedMs: number, more: { ended?: boolean } = {}) =>
  person.call(reportProgress, { playId, positionMs: listenedMs, listenedMs, ...more })
const advance = (ms: number) => testApp.clock.advance(ms)

let people = 0
const createListener = () => testApp.signIn(`listener-${(people += 1)}`, signInOptions)

const creditedMsOf = async ({ id }: Person) => {
  const [sum] = await testApp.app.db.query<{ ms: number }>(
    'select cast(sum(credited_ms) as integer) as ms from plays where profile_id = :id',
    { id },
  )
  return sum?.ms ?? 0
}

describe('concurrent listening of one listener counts once', () => {
  it.each(transports)('two devices that play two tracks at once are one listener, over %s', async transport => {
    const bob = await createListener()
    const began = testApp.clock.now()
    const [one, other] = [await start(bob), await start(bob)]
    for (const listenedMs of [10_000, 20_000, 30_000]) {
      await playHelpers.listen(bob, one, 10_000, { listenedMs }, { transport })
      await playHelpers.listen(bob, other, 0, { listenedMs }, { transport })
    }
    const [first, second] = [
      await report(bob, one, 30_000, { ended: true }),
      await report(bob, other, 30_000, { ended: true }),
    ]
    expect([first, second]).toMatchObject([{ outcome: 'counted' }, { outcome: 'concurrent' }])
    expect(await playHelpers.totals(ann, second.trackId)).toEqual({ concurrent: 1 })
    expect(await creditedMsOf(bob)).toBeLessThanOrEqual(testApp.clock.now() - began + toleranceMs)
    // Reporting the same again later claims no time of the silence in between.
    advance(10 * minuteMs)
    expect(await report(bob, other, 30_000, { ended: true })).toMatchObject({ outcome: 'concurrent' })
  })

  it('also when neither play ends and both are reported again while nothing plays', async () => {
    const bob = await createListener()
    const [one, other] = [await start(bob), await start(bob)]
    advance(40_000)
    expect(await report(bob, one, 40_000)).toMatchObject({ outcome: 'counted' })
    for (let n = 0; n < 20; n += 1) {
      expect(await report(bob, other, 40_000)).toMatchObject({ outcome: null })
      advance(10_000)
    }
    advance(reportWithinMs + minuteMs)
    ann = await testApp.signIn('ann', signInOptions)
    expect(await playHelpers.totals(ann, other.trackId)).toEqual({ concurrent: 1 })
    expect(await playHelpers.totals(ann, one.trackId)).toEqual({ counted: 1 })
  })

  it('the counted play keeps claiming its time', async () => {
    const bob = await createListener()
    const [one, other] = [await start(bob), await start(bob)]
    for (let listenedMs = 10_000; listenedMs <= 2 * minuteMs; listenedMs += 10_000) {
      advance(10_000)
      await report(bob, one, listenedMs)
      expect((await report(bob, other, listenedMs)).outcome).toBeNull()
    }
  })

  it('a second play counts once it has enough time of its own', async () => {
    const bob = await createListener()
    const [one, other] = [await start(bob), await start(bob)]
    advance(40_000)
    await report(bob, one, 40_000, { ended: true })
    expect(await report(bob, other, 40_000)).toMatchObject({ outcome: null })
    advance(20_000)
    expect(await report(bob, other, 60_000)).toMatchObject({ outcome: null })
    advance(10_000)
    expect(await report(bob, other, 70_000)).toMatchObject({ outcome: 'counted' })
  })

  it('also when many plays are reported concurrently on two nodes', async () => {
    const node0 = await testApp.signIn('many', { ...signInOptions, node: 0 })
    const node1 = await testApp.signIn('many', { ...signInOptions, node: 1 })
    const began = testApp.clock.now()
    const plays = await Promise.all(Array.from({ length: 20 }, (_, n) => start(n % 2 === 0 ? node0 : node1)))
    advance(2 * minuteMs)
    // Each is reported on both nodes at once, in opposite orders.
    const reported = await Promise.all([
      ...plays.map(play => report(node0, play, 100_000)),
      ...[...plays].reverse().map(play => report(node1, play, 100_000)),
    ])
    for (const { outcome } of reported) expect([null, 'counted']).toContain(outcome)
    const creditedMs = await creditedMsOf(node0)
    expect(creditedMs).toBeLessThanOrEqual(testApp.clock.now() - began + toleranceMs)
    advance(10 * minuteMs)
    const ended = await Promise.all(plays.map(play => report(node1, play, 100_000, { ended: true })))
    const counted = ended.filter(({ outcome }) => outcome === 'counted')
    expect(counted.length).toBeGreaterThanOrEqual(1)
    expect(counted.length).toBeLessThanOrEqual(4)
    expect(ended.filter(({ outcome }) => outcome === 'concurrent')).toHaveLength(20 - counted.length)
    expect(await creditedMsOf(node0)).toBe(creditedMs)
  })

  it('credited time never exceeds the time that has passed', async () => {
    const bob = await createListener()
    const plays: StartedPlay[] = []
    const began = testApp.clock.now()
    for (let n = 0; n < 12; n += 1) {
      plays.push(await start(bob))
      advance(20_000)
      for (const [index, play] of plays.entries()) await report(bob, play, (n + 1 - index) * 20_000)
    }
    expect(await creditedMsOf(bob)).toBeLessThanOrEqual(testApp.clock.now() - began + toleranceMs)
  })

  it('listeners do not share time, and plays of own tracks claim none', async () => {
    const [bob, eve] = [await createListener(), await createListener()]
    const trackId = await createTrack()
    const [his, hers] = [await start(bob, trackId), await start(eve, trackId)]
    const own = await start(ann)
    const theirs = await makeTrack(bob.id)
    const foreign = await start(ann, theirs.id)
    advance(31_000)
    expect(await report(ann, own, 31_000)).toMatchObject({ outcome: 'own_track' })
    for (const [person, play] of [[bob, his] as const, [eve, hers] as const, [ann, foreign] as const])
      expect(await report(person, play, 31_000)).toMatchObject({ outcome: 'counted' })
  })
})

describe('sequential listening loses no time', () => {
  it('when the end of a track is reported after the start of the next', async () => {
    const bob = await createListener()
    const one = await start(bob)
    advance(20_000)
    await report(bob, one, 20_000)
    advance(11_000)
    const next = await start(bob)
    advance(31_000)
    expect(await report(bob, next, 31_000)).toMatchObject({ outcome: 'counted' })
    expect(await report(bob, one, 31_000, { ended: true })).toMatchObject({ outcome: 'counted' })
  })

  it('when the next play starts before the previous one ends', async () => {
    const bob = await createListener()
    const one = await start(bob)
    advance(25_000)
    const next = await start(bob)
    advance(6_000)
    expect(await report(bob, one, 31_000, { ended: true })).toMatchObject({ outcome: 'counted' })
    advance(30_000)
    expect(await report(bob, next, 30_000, { ended: true })).toMatchObject({ outcome: 'counted' })
    expect(await creditedMsOf(bob)).toBe(61_000)
  })

  it('when one tab is paused while another one plays', async () => {
    const bob = await createListener()
    const paused = await start(bob)
    advance(20_000)
    await report(bob, paused, 20_000)
    const playing = await start(bob)
    for (let listenedMs = 10_000; listenedMs <= 3 * minuteMs; listenedMs += 10_000) {
      advance(10_000)
      await report(bob, playing, listenedMs)
      await report(bob, paused, 20_000)
    }
    await report(bob, playing, 3 * minuteMs, { ended: true })
    advance(10_000)
    expect(await report(bob, paused, 30_000)).toMatchObject({ outcome: 'counted' })
    expect(await creditedMsOf(bob)).toBe(3 * minuteMs + 30_000)
  })

  it('when progress arrives late, twice and in bursts', async () => {
    const bob = await createListener()
    const play = await start(bob)
    advance(18_000)
    await report(bob, play, 10_000)
    advance(2_500)
    await report(bob, play, 20_000)
    await report(bob, play, 10_000)
    await Promise.all([report(bob, play, 20_000), report(bob, play, 20_000)])
    advance(9_500)
    expect(await report(bob, play, 30_000)).toMatchObject({ outcome: 'counted' })
    expect(await creditedMsOf(bob)).toBe(30_000)
  })

  it('when the listener was offline while another device played from time to time', async () => {
    const bob = await createListener()
    const phone = await start(bob)
    for (let n = 0; n < 5; n += 1) {
      await playHelpers.play(bob, await createTrack(), 3 * minuteMs)
      advance(10 * minuteMs)
    }
    expect(await report(bob, phone, 170_000, { ended: true })).toMatchObject({ outcome: 'counted' })
    expect(await creditedMsOf(bob)).toBe(5 * 3 * minuteMs + 170_000)
  })

  it('when the listener continues on another device', async () => {
    const bob = await createListener()
    const trackId = await createTrack()
    const phone = await start(bob, trackId)
    advance(20_000)
    await report(bob, phone, 20_000)
    expect(await bob.call(getNowPlaying, {})).toMatchObject({ playId: phone.id, positionMs: 20_000 })
    const laptop = await start(bob, trackId)
    advance(20_000)
    await report(bob, laptop, 20_000)
    expect(await report(bob, phone, 20_000, { ended: true })).toMatchObject({ outcome: 'too_short' })
    advance(15_000)
    expect(await report(bob, laptop, 35_000)).toMatchObject({ outcome: 'counted' })
  })
})

it('the history includes tracks listened to concurrently', async () => {
  const bob = await createListener()
  const [one, other] = [await start(bob), await start(bob)]
  advance(31_000)
  await report(bob, one, 31_000)
  await report(bob, other, 31_000)
  expect((await bob.call(listHistory, {})).map(({ track: { id } }) => id).sort()).toEqual(
    [one.trackId, other.trackId].sort(),
  )
})

it('the claims of a listener stay small and are deleted when no play can be reported any more', async () => {
  const bob = await createListener()
  for (let n = 0; n < 40; n += 1) {
    await playHelpers.play(bob, await createTrack(), 10_000)
    advance(20_000)
  }
  const claimsOf = () =>
    testApp.app.db.query<{ spans: number }>(
      'select jsonb_array_length(claimed) as spans from listener_time_claims where listener_key = :id',
      { id: bob.id },
    )
  expect(await claimsOf()).toEqual([{ spans: 32 }])
  advance(reportWithinMs - minuteMs)
  await playHelpers.deleteExpired()
  expect(await claimsOf()).toHaveLength(1)
  advance(3 * 60 * minuteMs)
  await playHelpers.deleteExpired()
  expect(await claimsOf()).toEqual([])
})
