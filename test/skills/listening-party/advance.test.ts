import { getParty } from '../../../skills/listening-party/get-party'
import { joinParty } from '../../../skills/listening-party/join-party'
import { pauseParty } from '../../../skills/listening-party/pause-party'
import { playParty } from '../../../skills/listening-party/play-party'
import { removeTrack } from '../../../skills/music-upload/remove-track'
import { makeTrack } from '../../factories'
import { type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { aParty, makeJobsDue, type Timeline } from './a-party'
import { queueTrack } from '../../../skills/listening-party/queue-track'

let world: TestWorld
let ann: Person
let bob: Person
let pairs = 0
beforeAll(async () => {
  world = await freshWorld()
})
beforeEach(async () => {
  pairs += 1
  ann = await world.person(`ann-${pairs}`)
  bob = await world.person(`bob-${pairs}`)
})
afterAll(() => world[Symbol.asyncDispose]())

const timelineChanges = (heard: { name: string; data: Record<string, unknown> }[]) =>
  heard.filter(({ name }) => name === 'listening-party.timelineChanged').map(({ data }) => data)

/** The job that waits for the end of what is on, as a queue that delivers at least once would run it. */
async function runTwiceAtOnce(): Promise<void> {
  await world.world.db.query(
    `select graphile_worker.add_job('listening-party.advance', jobs.payload, max_attempts := 25)
     from graphile_worker._private_jobs jobs where key is not null`,
  )
  await makeJobsDue(world)
  await Promise.all([world.work(), world.work()])
}

describe('the end of a track', () => {
  it('is the start of the next, once, even when two workers are told of it twice', async () => {
    const { party, queue } = await aParty(ann, [60_000, 50_000, 40_000], [bob])
    const partyId = party.id
    const ear = await bob.hear(`party:${partyId}`)
    const { timeline } = await ann.call(playParty, { partyId })
    world.clock.advance(61_000)
    await runTwiceAtOnce()

    const next = await ear.first('listening-party.timelineChanged', data => data.by === null)
    expect(next.data.timeline).toMatchObject({
      ...{ rev: timeline.rev + 1, itemId: queue[1]?.itemId, posMs: 0, t0Ms: timeline.endsAtMs },
      endsAtMs: (timeline.endsAtMs ?? 0) + 50_000,
    })
    expect((await bob.call(getParty, { partyId })).timeline).toEqual(next.data.timeline)

    world.clock.advance(50_000)
    await runTwiceAtOnce()
    world.clock.advance(40_000)
    await runTwiceAtOnce()
    const silence = await ear.first('listening-party.queueChanged', data => (data.queue as unknown[]).length === 0)
    expect(silence).toBeDefined()
    const idle = await ear.first(
      'listening-party.timelineChanged',
      data => (data.timeline as Timeline).status === 'idle',
    )
    expect(idle.data.timeline).toMatchObject({ itemId: null, rev: timeline.rev + 3, endsAtMs: null })
    await ear.all(world.world)
    expect(timelineChanges(ear.events)).toHaveLength(4)
  })

  it('is left alone when the party was paused meanwhile', async () => {
    const { party } = await aParty(ann, [60_000, 60_000])
    const partyId = party.id
    await ann.call(playParty, { partyId })
    const paused = await ann.call(pauseParty, { partyId })
    world.clock.advance(100_000)
    await runTwiceAtOnce()
    expect((await ann.call(getParty, { partyId })).timeline).toEqual(paused.timeline)
  })

  it('is made up for by whoever acts first when no worker was there, to the same moment', async () => {
    const { party, queue } = await aParty(ann, [60_000, 50_000, 40_000])
    const partyId = party.id
    const { timeline } = await ann.call(playParty, { partyId })
    const ear = await ann.hear(`party:${partyId}`)
    world.clock.advance(115_000)
    const joined = await bob.call(joinParty, { partyId })
    expect(joined.timeline).toMatchObject({
      itemId: queue[2]?.itemId,
      t0Ms: (timeline.endsAtMs ?? 0) + 50_000,
      rev: timeline.rev + 2,
    })
    expect(joined.queue).toEqual([])
    const told = await ear.first(
      'listening-party.timelineChanged',
      data => (data.timeline as Timeline).next.length === 0,
    )
    expect(told.data.by).toBeNull()
    await runTwiceAtOnce()
    expect((await ann.call(getParty, { partyId })).timeline).toEqual(joined.timeline)
  })
})

describe('a track that is taken away', () => {
  it('leaves the queue, and is on no longer', async () => {
    const track = await makeTrack(bob.id)
    const { party, queue } = await aParty(ann, [60_000, 60_000])
    const partyId = party.id
    await ann.call(queueTrack, { partyId, trackId: track.id })
    const ear = await ann.hear(`party:${partyId}`)
    const { timeline } = await ann.call(playParty, { partyId })
    await bob.call(removeTrack, { trackId: track.id })
    await ann.call(removeTrack, { trackId: timeline.trackId ?? '' })
    await world.work()
    await ear.first('listening-party.timelineChanged', data => (data.timeline as Timeline).trackId !== timeline.trackId)
    const after = await ann.call(getParty, { partyId })
    expect(after).toMatchObject({ timeline: { itemId: queue[1]?.itemId, status: 'playing', next: [] }, queue: [] })
  })
})
