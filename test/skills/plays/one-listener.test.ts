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
const daily = { ttlSeconds: 24 * 3600 }

let testApp: TestApp
let ann: Person
let on: ReturnType<typeof createPlayHelpers>
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann', daily)
  on = createPlayHelpers(testApp)
})
afterAll(() => testApp[Symbol.asyncDispose]())

const track = async (wish = {}) => (await makeTrack(ann.id, wish)).id
const open = async (person: Person, trackId?: string) => person.call(startPlay, { trackId: trackId ?? (await track()) })
const tell = (person: Person, { id: playId }: StartedPlay, listenedMs: number, more: { ended?: boolean } = {}) =>
  person.call(reportProgress, { playId, positionMs: listenedMs, listenedMs, ...more })
const pass = (ms: number) => testApp.clock.advance(ms)

let people = 0
const somebody = () => testApp.signIn(`listener-${(people += 1)}`, daily)

const heardMsOf = async ({ id }: Person) => {
  const [sum] = await testApp.app.db.query<{ ms: number }>(
    'select cast(sum(credited_ms) as integer) as ms from plays where profile_id = :id',
    { id },
  )
  return sum?.ms ?? 0
}

describe('what a listener hears at the same time counts once', () => {
  it.each(transports)('two devices that play two tracks are one listener, over %s', async transport => {
    const bob = await somebody()
    const began = testApp.clock.now()
    const [one, other] = [await open(bob), await open(bob)]
    for (const heard of [10_000, 20_000, 30_000]) {
      await on.hear(bob, one, 10_000, { listenedMs: heard }, { transport })
      await on.hear(bob, other, 0, { listenedMs: heard }, { transport })
    }
    const [first, second] = [
      await tell(bob, one, 30_000, { ended: true }),
      await tell(bob, other, 30_000, { ended: true }),
    ]
    expect([first, second]).toMatchObject([{ outcome: 'counted' }, { outcome: 'concurrent' }])
    expect(await on.totals(ann, second.trackId)).toEqual({ concurrent: 1 })
    expect(await heardMsOf(bob)).toBeLessThanOrEqual(testApp.clock.now() - began + toleranceMs)
    // What is told again after a while of silence finds no room in it.
    pass(10 * minuteMs)
    expect(await tell(bob, other, 30_000, { ended: true })).toMatchObject({ outcome: 'concurrent' })
  })

  it('also when neither ends, and both are told again and again while nothing plays', async () => {
    const bob = await somebody()
    const [one, other] = [await open(bob), await open(bob)]
    pass(40_000)
    expect(await tell(bob, one, 40_000)).toMatchObject({ outcome: 'counted' })
    for (let n = 0; n < 20; n += 1) {
      expect(await tell(bob, other, 40_000)).toMatchObject({ outcome: null })
      pass(10_000)
    }
    pass(reportWithinMs + minuteMs)
    ann = await testApp.signIn('ann', daily)
    expect(await on.totals(ann, other.trackId)).toEqual({ concurrent: 1 })
    expect(await on.totals(ann, one.trackId)).toEqual({ counted: 1 })
  })

  it('the one that is counted goes on taking its time', async () => {
    const bob = await somebody()
    const [one, other] = [await open(bob), await open(bob)]
    for (let heard = 10_000; heard <= 2 * minuteMs; heard += 10_000) {
      pass(10_000)
      await tell(bob, one, heard)
      expect((await tell(bob, other, heard)).outcome).toBeNull()
    }
  })

  it('a second one counts once it has had time of its own', async () => {
    const bob = await somebody()
    const [one, other] = [await open(bob), await open(bob)]
    pass(40_000)
    await tell(bob, one, 40_000, { ended: true })
    expect(await tell(bob, other, 40_000)).toMatchObject({ outcome: null })
    pass(20_000)
    expect(await tell(bob, other, 60_000)).toMatchObject({ outcome: null })
    pass(10_000)
    expect(await tell(bob, other, 70_000)).toMatchObject({ outcome: 'counted' })
  })

  it('however many tracks are told at once, on two nodes', async () => {
    const here = await testApp.signIn('many', { ...daily, node: 0 })
    const there = await testApp.signIn('many', { ...daily, node: 1 })
    const began = testApp.clock.now()
    const plays = await Promise.all(Array.from({ length: 20 }, (_, n) => open(n % 2 === 0 ? here : there)))
    pass(2 * minuteMs)
    // Each is told twice at once, and in another order by the other node.
    const told = await Promise.all([
      ...plays.map(play => tell(here, play, 100_000)),
      ...[...plays].reverse().map(play => tell(there, play, 100_000)),
    ])
    for (const { outcome } of told) expect([null, 'counted']).toContain(outcome)
    const heardMs = await heardMsOf(here)
    expect(heardMs).toBeLessThanOrEqual(testApp.clock.now() - began + toleranceMs)
    pass(10 * minuteMs)
    const ended = await Promise.all(plays.map(play => tell(there, play, 100_000, { ended: true })))
    const counted = ended.filter(({ outcome }) => outcome === 'counted')
    expect(counted.length).toBeGreaterThanOrEqual(1)
    expect(counted.length).toBeLessThanOrEqual(4)
    expect(ended.filter(({ outcome }) => outcome === 'concurrent')).toHaveLength(20 - counted.length)
    expect(await heardMsOf(here)).toBe(heardMs)
  })

  it('in the long run it is the time that has passed, whatever is claimed of it', async () => {
    const bob = await somebody()
    const plays: StartedPlay[] = []
    const began = testApp.clock.now()
    for (let n = 0; n < 12; n += 1) {
      plays.push(await open(bob))
      pass(20_000)
      for (const [index, play] of plays.entries()) await tell(bob, play, (n + 1 - index) * 20_000)
    }
    expect(await heardMsOf(bob)).toBeLessThanOrEqual(testApp.clock.now() - began + toleranceMs)
  })

  it('another listener has a clock of their own, and so has an artist who listens to what is theirs', async () => {
    const [bob, eve] = [await somebody(), await somebody()]
    const trackId = await track()
    const [his, hers] = [await open(bob, trackId), await open(eve, trackId)]
    const own = await open(ann)
    const theirs = await makeTrack(bob.id)
    const foreign = await open(ann, theirs.id)
    pass(31_000)
    expect(await tell(ann, own, 31_000)).toMatchObject({ outcome: 'own_track' })
    for (const [person, play] of [[bob, his] as const, [eve, hers] as const, [ann, foreign] as const])
      expect(await tell(person, play, 31_000)).toMatchObject({ outcome: 'counted' })
  })
})

describe('who hears one thing after the other loses nothing', () => {
  it('when the end of a track is told after the beginning of the next', async () => {
    const bob = await somebody()
    const one = await open(bob)
    pass(20_000)
    await tell(bob, one, 20_000)
    pass(11_000)
    const next = await open(bob)
    pass(31_000)
    expect(await tell(bob, next, 31_000)).toMatchObject({ outcome: 'counted' })
    expect(await tell(bob, one, 31_000, { ended: true })).toMatchObject({ outcome: 'counted' })
  })

  it('when the next track is opened before the end of the one before', async () => {
    const bob = await somebody()
    const one = await open(bob)
    pass(25_000)
    const next = await open(bob)
    pass(6_000)
    expect(await tell(bob, one, 31_000, { ended: true })).toMatchObject({ outcome: 'counted' })
    pass(30_000)
    expect(await tell(bob, next, 30_000, { ended: true })).toMatchObject({ outcome: 'counted' })
    expect(await heardMsOf(bob)).toBe(61_000)
  })

  it('when one tab is paused while another one plays', async () => {
    const bob = await somebody()
    const paused = await open(bob)
    pass(20_000)
    await tell(bob, paused, 20_000)
    const playing = await open(bob)
    for (let heard = 10_000; heard <= 3 * minuteMs; heard += 10_000) {
      pass(10_000)
      await tell(bob, playing, heard)
      await tell(bob, paused, 20_000)
    }
    await tell(bob, playing, 3 * minuteMs, { ended: true })
    pass(10_000)
    expect(await tell(bob, paused, 30_000)).toMatchObject({ outcome: 'counted' })
    expect(await heardMsOf(bob)).toBe(3 * minuteMs + 30_000)
  })

  it('when progress arrives late, twice and in bursts', async () => {
    const bob = await somebody()
    const play = await open(bob)
    pass(18_000)
    await tell(bob, play, 10_000)
    pass(2_500)
    await tell(bob, play, 20_000)
    await tell(bob, play, 10_000)
    await Promise.all([tell(bob, play, 20_000), tell(bob, play, 20_000)])
    pass(9_500)
    expect(await tell(bob, play, 30_000)).toMatchObject({ outcome: 'counted' })
    expect(await heardMsOf(bob)).toBe(30_000)
  })

  it('when they were offline while another device played now and then', async () => {
    const bob = await somebody()
    const phone = await open(bob)
    for (let n = 0; n < 5; n += 1) {
      await on.play(bob, await track(), 3 * minuteMs)
      pass(10 * minuteMs)
    }
    expect(await tell(bob, phone, 170_000, { ended: true })).toMatchObject({ outcome: 'counted' })
    expect(await heardMsOf(bob)).toBe(5 * 3 * minuteMs + 170_000)
  })

  it('when they go on with it on another device', async () => {
    const bob = await somebody()
    const trackId = await track()
    const phone = await open(bob, trackId)
    pass(20_000)
    await tell(bob, phone, 20_000)
    expect(await bob.call(getNowPlaying, {})).toMatchObject({ playId: phone.id, positionMs: 20_000 })
    const laptop = await open(bob, trackId)
    pass(20_000)
    await tell(bob, laptop, 20_000)
    expect(await tell(bob, phone, 20_000, { ended: true })).toMatchObject({ outcome: 'too_short' })
    pass(15_000)
    expect(await tell(bob, laptop, 35_000)).toMatchObject({ outcome: 'counted' })
  })
})

it('what was heard beside something else is in the history all the same', async () => {
  const bob = await somebody()
  const [one, other] = [await open(bob), await open(bob)]
  pass(31_000)
  await tell(bob, one, 31_000)
  await tell(bob, other, 31_000)
  expect((await bob.call(listHistory, {})).map(({ track: { id } }) => id).sort()).toEqual(
    [one.trackId, other.trackId].sort(),
  )
})

it('a clock stays small and is forgotten when nothing can be told any more', async () => {
  const bob = await somebody()
  for (let n = 0; n < 40; n += 1) {
    await on.play(bob, await track(), 10_000)
    pass(20_000)
  }
  const clockOf = () =>
    testApp.app.db.query<{ spans: number }>(
      'select jsonb_array_length(claimed) as spans from listener_time_claims where listener_key = :id',
      { id: bob.id },
    )
  expect(await clockOf()).toEqual([{ spans: 32 }])
  pass(reportWithinMs - minuteMs)
  await on.settle()
  expect(await clockOf()).toHaveLength(1)
  pass(3 * 60 * minuteMs)
  await on.settle()
  expect(await clockOf()).toEqual([])
})
