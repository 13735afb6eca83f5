import { getParty } from '../../../skills/listening-party/get-party'
import { joinParty } from '../../../skills/listening-party/join-party'
import { createParty } from '../../../skills/listening-party/create-party'
import { startLeadMs } from '../../../skills/listening-party/party'
import { pauseParty } from '../../../skills/listening-party/pause-party'
import { playParty } from '../../../skills/listening-party/play-party'
import { seekParty } from '../../../skills/listening-party/seek-party'
import { skipTrack } from '../../../skills/listening-party/skip-track'
import { setRole } from '../../../skills/listening-party/set-role'
import { makeTrackLinkHolder, makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { createTestParty, playbackPositionAt, type Timeline } from './create-test-party'

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

/** The test clock keeps running between calls, so positions read from it are compared with a tolerance. */
const toleranceMs = 2_000
const expectNear = (position: number, expected: number) => {
  expect(position).toBeGreaterThanOrEqual(expected)
  expect(position).toBeLessThan(expected + toleranceMs)
}

describe.each(transports)('a party over %s', transport => {
  it('gives somebody who joins late, on the other node, the same timeline', async () => {
    const {
      party: { id: partyId },
    } = await createTestParty(ann)
    const { timeline } = await ann.call(playParty, { partyId }, { transport })
    testApp.clock.advance(42_000)
    const joined = await bob.call(joinParty, { partyId }, { transport })
    expect(joined.timeline).toEqual(timeline)
    expectNear(playbackPositionAt(joined.timeline, joined.serverTimeMs), 42_000 - startLeadMs)
    expect(joined.party.viewer).toEqual({ role: 'listener' })
  })

  it('pauses and seeks for all members', async () => {
    const {
      party: { id: partyId },
    } = await createTestParty(ann, [180_000], [bob])
    const recorder = await bob.recordEvents(`party:${partyId}`)
    await ann.call(playParty, { partyId }, { transport })
    testApp.clock.advance(10_000)
    const paused = await ann.call(pauseParty, { partyId }, { transport })
    expect(paused.timeline).toMatchObject({ status: 'paused', rate: 0, endsAtMs: null })
    expectNear(paused.timeline.posMs, 10_000 - startLeadMs)
    await ann.call(seekParty, { partyId, positionMs: 90_000 }, { transport })
    const played = await ann.call(playParty, { partyId }, { transport })
    expect(played.timeline).toMatchObject({ status: 'playing', posMs: 90_000, rev: paused.timeline.rev + 2 })
    const changed = await recorder.waitFor('listening-party.timelineChanged', data => data.rev === played.rev)
    expect(changed.data).toMatchObject({ partyId, timeline: played.timeline, actorId: ann.id })
    expect((await bob.call(getParty, { partyId }, { transport })).timeline).toEqual(played.timeline)
  })

  it('ignores repeated commands', async () => {
    const {
      party: { id: partyId },
    } = await createTestParty(ann)
    const first = await ann.call(playParty, { partyId }, { transport })
    expect(await ann.call(playParty, { partyId }, { transport })).toEqual(first)
    const paused = await ann.call(pauseParty, { partyId }, { transport })
    testApp.clock.advance(5_000)
    expect(await ann.call(pauseParty, { partyId }, { transport })).toEqual(paused)
    const key = 'seek'
    const seeked = await ann.call(seekParty, { partyId, positionMs: 7_000 }, { transport, idempotencyKey: key })
    await ann.call(playParty, { partyId }, { transport })
    expect(await ann.call(seekParty, { partyId, positionMs: 7_000 }, { transport, idempotencyKey: key })).toEqual(
      seeked,
    )
  })

  it('skips once when two members skip the same track on two nodes', async () => {
    const {
      party: { id: partyId },
      queue,
    } = await createTestParty(ann, [60_000, 60_000, 60_000], [bob])
    await ann.call(setRole, { partyId, profileId: bob.id, role: 'co-host' })
    const { timeline } = await ann.call(playParty, { partyId })
    const itemId = timeline.itemId ?? ''
    const [one, two] = await Promise.all([
      ann.call(skipTrack, { partyId, itemId }, { transport }),
      bob.call(skipTrack, { partyId, itemId }, { transport }),
    ])
    expect(one).toEqual(two)
    expect(one.timeline).toMatchObject({ itemId: queue[1]?.itemId, rev: timeline.rev + 1, posMs: 0 })
    expect(one.timeline.next).toEqual([expect.objectContaining({ itemId: queue[2]?.itemId })])
    expect(await bob.call(skipTrack, { partyId, itemId }, { transport })).toEqual(one)
  })

  it('refuses commands that do not fit the state', async () => {
    const {
      party: { id: partyId },
      queue,
    } = await createTestParty(ann, [60_000, 60_000])
    const queuedId = queue[1]?.itemId ?? ''
    expect(await ann.expectProblem(seekParty, { partyId, positionMs: 5 }, { transport })).toMatchObject({
      code: 'nothing_playing',
    })
    expect(await ann.expectProblem(skipTrack, { partyId, itemId: queuedId }, { transport })).toMatchObject({
      code: 'item_not_current',
    })
    const unknownItem = { partyId, itemId: partyId }
    expect(await ann.expectProblem(skipTrack, unknownItem, { transport })).toMatchObject({ code: 'not_found' })
    const { timeline } = await ann.call(playParty, { partyId })
    await ann.call(skipTrack, { partyId, itemId: timeline.itemId ?? '' })
    const idle = await ann.call(skipTrack, { partyId, itemId: queuedId })
    expect(idle.timeline).toMatchObject({ status: 'idle', itemId: null, next: [] })
    expect(await ann.expectProblem(playParty, { partyId }, { transport })).toMatchObject({
      code: 'nothing_to_play',
      status: 409,
    })
  })

  it('is created with the tracks in order, once per idempotency key, and only with tracks the host may see', async () => {
    const [first, second, hidden, unready] = [
      await makeTrack(ann.id),
      await makeTrack(ann.id, { visibility: 'unlisted' }),
      await makeTrack(ann.id, { visibility: 'private' }),
      await makeTrack(bob.id, { state: 'processing' }),
    ]
    expect((await bob.expectProblem(createParty, { title: 'x', trackId: second.id }, { transport })).code).toBe(
      'not_found',
    )
    await makeTrackLinkHolder(second.id, bob.id)
    const input = { title: 'Late', trackIds: [second.id, first.id, second.id] }
    const created = await bob.call(createParty, input, { transport, idempotencyKey: 'create' })
    expect(created.queue.map(({ trackId }) => trackId)).toEqual(input.trackIds)
    expect(created).toMatchObject({ timeline: { status: 'idle', rev: 1 }, party: { viewer: { role: 'host' } } })
    expect((await bob.call(createParty, input, { transport, idempotencyKey: 'create' })).party.id).toBe(
      created.party.id,
    )

    const codeFor = async (fields: object) =>
      (await bob.expectProblem(createParty, { title: 'x', ...fields }, { transport })).code
    expect(await codeFor({ trackId: hidden.id })).toBe('not_found')
    expect(await codeFor({ trackId: unready.id })).toBe('track_not_ready')
    expect(await codeFor({})).toBe('invalid_input')
    expect(await codeFor({ trackIds: [] })).toBe('invalid_input')
    expect(await codeFor({ trackId: first.id, trackIds: [first.id] })).toBe('invalid_input')
  })
})

it('orders concurrent commands from two nodes: each revision once, and all receive the last', async () => {
  const {
    party: { id: partyId },
  } = await createTestParty(ann, [600_000], [bob])
  await ann.call(setRole, { partyId, profileId: bob.id, role: 'co-host' })
  const recorder = await bob.recordEvents(`party:${partyId}`)
  const { timeline } = await ann.call(playParty, { partyId })
  const seeks = Array.from({ length: 12 }, (_, index) =>
    (index % 2 === 0 ? ann : bob).call(seekParty, { partyId, positionMs: 1_000 * index }),
  )
  const revs = (await Promise.all(seeks)).map(({ timeline: { rev } }) => rev).sort((a, b) => a - b)
  expect(revs).toEqual(seeks.map((_, index) => timeline.rev + 1 + index))
  const last = await recorder.waitFor(
    'listening-party.timelineChanged',
    data => (data.timeline as Timeline).rev === timeline.rev + seeks.length,
  )
  expect(last.data.timeline).toEqual((await ann.call(getParty, { partyId })).timeline)
})
