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
let testCount = 0
beforeAll(async () => {
  testApp = await createTestApp()
})
beforeEach(async () => {
  testCount += 1
  ann = await testApp.signIn(`ann-${testCount}`)
  bob = await testApp.signIn(`bob-${testCount}`)
})
afterAll(() => testApp[Symbol.asyncDispose]())

const timelineChanges = (events: { name: string; data: Record<string, unknown> }[]) =>
  events.filter(({ name }) => name === 'listening-party.timelineChanged').map(({ data }) => data)

/** Runs every waiting `advanceParty` job twice, concurrently, as an at-least-once queue may. Here only these have a key. */
async function runAdvanceJobTwice(): Promise<void> {
  await testApp.app.db.query(
    `select graphile_worker.add_job('listening-party.advanceParty', jobs.payload, max_attempts := 25)
     from graphile_worker._private_jobs jobs where key is not null`,
  )
  await makeJobsDue(testApp)
  await Promise.all([testApp.runJobs(), testApp.runJobs()])
}

describe('the end of a track', () => {
  it('starts the next track once, even when two workers run the job at once', async () => {
    const { party, queue } = await createTestParty(ann, [60_000, 50_000, 40_000], [bob])
    const partyId = party.id
    const recorder = await bob.recordEvents(`party:${partyId}`)
    const { timeline } = await ann.call(playParty, { partyId })
    testApp.clock.advance(61_000)
    await runAdvanceJobTwice()

    const next = await recorder.waitFor('listening-party.timelineChanged', data => data.actorId === null)
    expect(next.data.timeline).toMatchObject({
      ...{ rev: timeline.rev + 1, itemId: queue[1]?.itemId, posMs: 0, t0Ms: timeline.endsAtMs },
      endsAtMs: (timeline.endsAtMs ?? 0) + 50_000,
    })
    expect((await bob.call(getParty, { partyId })).timeline).toEqual(next.data.timeline)

    testApp.clock.advance(50_000)
    await runAdvanceJobTwice()
    testApp.clock.advance(40_000)
    await runAdvanceJobTwice()
    const emptied = await recorder.waitFor(
      'listening-party.queueChanged',
      data => (data.queue as unknown[]).length === 0,
    )
    expect(emptied).toBeDefined()
    const idle = await recorder.waitFor(
      'listening-party.timelineChanged',
      data => (data.timeline as Timeline).status === 'idle',
    )
    expect(idle.data.timeline).toMatchObject({ itemId: null, rev: timeline.rev + 3, endsAtMs: null })
    await recorder.waitForAll(testApp.app)
    expect(timelineChanges(recorder.events)).toHaveLength(4)
  })

  it('changes nothing when the party was paused before', async () => {
    const { party } = await createTestParty(ann, [60_000, 60_000])
    const partyId = party.id
    await ann.call(playParty, { partyId })
    const paused = await ann.call(pauseParty, { partyId })
    testApp.clock.advance(100_000)
    await runAdvanceJobTwice()
    expect((await ann.call(getParty, { partyId })).timeline).toEqual(paused.timeline)
  })

  it('is applied by the next call, with the same start of the next track, when no worker ran', async () => {
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
    const caughtUp = await recorder.waitFor(
      'listening-party.timelineChanged',
      data => (data.timeline as Timeline).next.length === 0,
    )
    expect(caughtUp.data.actorId).toBeNull()
    await runAdvanceJobTwice()
    expect((await ann.call(getParty, { partyId })).timeline).toEqual(joined.timeline)
  })
})

describe('a deleted track', () => {
  it('is removed from the queue, and skipped where it is playing', async () => {
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
