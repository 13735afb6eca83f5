import { getParty } from '../../../skills/listening-party/get-party'
import { joinParty } from '../../../skills/listening-party/join-party'
import { pauseParty } from '../../../skills/listening-party/pause-party'
import { playParty } from '../../../skills/listening-party/play-party'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { makeTrack } from '../../factories'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { createTestParty, makeJobsDue, type Timeline } from './create-test-party'
import { queueTrack } from '../../../skills/listening-party/queue-track'

let testApp: TestApp
let ann: Person
let bob: Person
let pairs = 0
beforeAll(async () => {
  testApp = await createTestApp()
})
beforeEach(async () => {
  pairs += 1
  ann = await testApp.signIn(`ann-${pairs}`)
  bob = await testApp.signIn(`bob-${pairs}`)
})
afterAll(() => testApp[Symbol.asyncDispose]())

const timelineChanges = (heard: { name: string; data: Record<string, unknown> }[]) =>
  heard.filter(({ name }) => name === 'listening-party.timelineChanged').map(({ data }) => data)

/** The job that waits for the end of what is on, as a queue that delivers at least once would run it. */
async function runTwiceAtOnce(): Promise<void> {
  await testApp.app.db.query(
    `select graphile_worker.add_job('listening-party.advanceParty', jobs.payload, max_attempts := 25)
     from graphile_worker._private_jobs jobs where key is not null`,
  )
  await makeJobsDue(testApp)
  await Promise.all([testApp.runJobs(), testApp.runJobs()])
}

describe('the end of a track', () => {
  it('is the start of the next, once, even when two workers are told of it twice', async () => {
    const { party, queue } = await createTestParty(ann, [60_000, 50_000, 40_000], [bob])
    const partyId = party.id
    const recorder = await bob.recordEvents(`party:${partyId}`)
    const { timeline } = await ann.call(playParty, { partyId })
    testApp.clock.advance(61_000)
    await runTwiceAtOnce()

    const next = await recorder.waitFor('listening-party.timelineChanged', data => data.actorId === null)
    expect(next.data.timeline).toMatchObject({
      ...{ rev: timeline.rev + 1, itemId: queue[1]?.itemId, posMs: 0, t0Ms: timeline.endsAtMs },
      endsAtMs: (timeline.endsAtMs ?? 0) + 50_000,
    })
    expect((await bob.call(getParty, { partyId })).timeline).toEqual(next.data.timeline)

    testApp.clock.advance(50_000)
    await runTwiceAtOnce()
    testApp.clock.advance(40_000)
    await runTwiceAtOnce()
    const silence = await recorder.waitFor(
      'listening-party.queueChanged',
      data => (data.queue as unknown[]).length === 0,
    )
    expect(silence).toBeDefined()
    const idle = await recorder.waitFor(
      'listening-party.timelineChanged',
      data => (data.timeline as Timeline).status === 'idle',
    )
    expect(idle.data.timeline).toMatchObject({ itemId: null, rev: timeline.rev + 3, endsAtMs: null })
    await recorder.waitForAll(testApp.app)
    expect(timelineChanges(recorder.events)).toHaveLength(4)
  })

  it('is left alone when the party was paused meanwhile', async () => {
    const { party } = await createTestParty(ann, [60_000, 60_000])
    const partyId = party.id
    await ann.call(playParty, { partyId })
    const paused = await ann.call(pauseParty, { partyId })
    testApp.clock.advance(100_000)
    await runTwiceAtOnce()
    expect((await ann.call(getParty, { partyId })).timeline).toEqual(paused.timeline)
  })

  it('is made up for by whoever acts first when no worker was there, to the same moment', async () => {
    const { party, queue } = await createTestParty(ann, [60_000, 50_000, 40_000])
    const partyId = party.id
    const { timeline } = await ann.call(playParty, { partyId })
    const recorder = await ann.recordEvents(`party:${partyId}`)
    testApp.clock.advance(115_000)
    const joined = await bob.call(joinParty, { partyId })
    expect(joined.timeline).toMatchObject({
      itemId: queue[2]?.itemId,
      t0Ms: (timeline.endsAtMs ?? 0) + 50_000,
      rev: timeline.rev + 2,
    })
    expect(joined.queue).toEqual([])
    const told = await recorder.waitFor(
      'listening-party.timelineChanged',
      data => (data.timeline as Timeline).next.length === 0,
    )
    expect(told.data.actorId).toBeNull()
    await runTwiceAtOnce()
    expect((await ann.call(getParty, { partyId })).timeline).toEqual(joined.timeline)
  })
})

describe('a track that is taken away', () => {
  it('leaves the queue, and is on no longer', async () => {
    const track = await makeTrack(bob.id)
    const { party, queue } = await createTestParty(ann, [60_000, 60_000])
    const partyId = party.id
    await ann.call(queueTrack, { partyId, trackId: track.id })
    const recorder = await ann.recordEvents(`party:${partyId}`)
    const { timeline } = await ann.call(playParty, { partyId })
    await bob.call(deleteTrack, { trackId: track.id })
    await ann.call(deleteTrack, { trackId: timeline.trackId ?? '' })
    await testApp.runJobs()
    await recorder.waitFor(
      'listening-party.timelineChanged',
      data => (data.timeline as Timeline).trackId !== timeline.trackId,
    )
    const after = await ann.call(getParty, { partyId })
    expect(after).toMatchObject({ timeline: { itemId: queue[1]?.itemId, status: 'playing', next: [] }, queue: [] })
  })
})
