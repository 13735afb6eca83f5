import { getParty } from '../../../skills/listening-party/get-party'
import { joinParty } from '../../../skills/listening-party/join-party'
import { createParty } from '../../../skills/listening-party/create-party'
import { playParty } from '../../../skills/listening-party/play-party'
import { queueTrack } from '../../../skills/listening-party/queue-track'
import { setRole } from '../../../skills/listening-party/set-role'
import { removeQueueItem } from '../../../skills/listening-party/remove-queue-item'
import { Block } from '../../../models'
import { makeTrackLinkHolder, makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { createTestParty } from './create-test-party'

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

describe.each(transports)('the queue over %s', transport => {
  it('appends a track, once per idempotency key, and notifies members', async () => {
    const { party, queue } = await createTestParty(ann, [60_000], [bob])
    const partyId = party.id
    const recorder = await bob.recordEvents(`party:${partyId}`)
    const track = await makeTrack(ann.id, { durationMs: 7_000 })
    const input = { partyId, trackId: track.id }
    const queued = await ann.call(queueTrack, input, { transport, idempotencyKey: 'once' })
    expect(await ann.call(queueTrack, input, { transport, idempotencyKey: 'once' })).toEqual(queued)
    const added = { itemId: queued.itemId, trackId: track.id, durationMs: 7_000, addedById: ann.id }
    const changed = await recorder.waitFor('listening-party.queueChanged')
    expect(changed.data).toEqual({ partyId, rev: party.rev + 3, queue: [...queue, added] })
    expect((await bob.call(getParty, { partyId }, { transport })).queue).toEqual([...queue, added])
  })

  it('keeps every track when many are added at once', async () => {
    const { party } = await createTestParty(ann, [60_000], [bob])
    const partyId = party.id
    await ann.call(setRole, { partyId, profileId: bob.id, role: 'dj' })
    const queued = []
    for (const person of [ann, bob, ann, bob])
      queued.push({ person, input: { partyId, trackId: (await makeTrack(ann.id)).id } })
    const answers = await Promise.all(queued.map(({ person, input }) => person.call(queueTrack, input, { transport })))
    const { queue } = await ann.call(getParty, { partyId })
    const idsOf = (items: { itemId: string }[]) => items.map(({ itemId }) => itemId).sort()
    expect(idsOf(queue.slice(1))).toEqual(idsOf(answers))
  })

  it('changes nothing when an item is removed again or is playing', async () => {
    const { party, queue } = await createTestParty(ann, [60_000, 50_000, 40_000])
    const partyId = party.id
    await ann.call(playParty, { partyId })
    const itemId = queue[1]?.itemId ?? ''
    const removed = await ann.call(removeQueueItem, { partyId, itemId }, { transport })
    expect(removed.timeline.next.map(entry => entry.itemId)).toEqual([queue[2]?.itemId])
    expect(await ann.call(removeQueueItem, { partyId, itemId }, { transport })).toEqual(removed)
    const current = { partyId, itemId: queue[0]?.itemId ?? '' }
    expect(await ann.call(removeQueueItem, current, { transport })).toEqual(removed)
    const unknownItem = { partyId, itemId: partyId }
    expect(await ann.expectProblem(removeQueueItem, unknownItem, { transport })).toMatchObject({
      code: 'not_found',
    })
  })

  it('refuses a track that is not ready or that the caller may not see', async () => {
    const { party } = await createTestParty(ann, [60_000], [bob])
    const partyId = party.id
    const codeFor = async (trackId: string) =>
      (await ann.expectProblem(queueTrack, { partyId, trackId }, { transport })).code
    expect(await codeFor((await makeTrack(bob.id, { visibility: 'private' })).id)).toBe('not_found')
    expect(await codeFor(partyId)).toBe('not_found')
    const unready = { state: 'processing' as const, durationMs: null }
    expect(await codeFor((await makeTrack(ann.id, unready)).id)).toBe('track_not_ready')
    const ofBlocker = await makeTrack(bob.id)
    await Block.create({ blockerId: bob.id, blockedId: ann.id, createdAt: new Date() })
    expect(await codeFor(ofBlocker.id)).toBe('not_found')
  })

  it('shows a member only the ids of a track that they may not see', async () => {
    const { party } = await createTestParty(ann, [60_000], [bob])
    const partyId = party.id
    const secret = await makeTrack(ann.id, { visibility: 'private', title: 'Secret title' })
    const unlisted = await makeTrack(ann.id, { visibility: 'unlisted' })
    await makeTrackLinkHolder(unlisted.id, bob.id)
    const recorder = await bob.recordEvents(`party:${partyId}`)
    await ann.call(queueTrack, { partyId, trackId: secret.id }, { transport })
    await ann.call(queueTrack, { partyId, trackId: unlisted.id }, { transport })
    await recorder.waitFor('listening-party.queueChanged', data => (data.queue as unknown[]).length === 3)

    const seen = await bob.call(getParty, { partyId }, { transport })
    expect(seen.queue.map(({ trackId }) => trackId)).toContain(secret.id)
    expect(seen.tracks.map(({ id }) => id)).toEqual([seen.queue[0]?.trackId, unlisted.id])
    expect(JSON.stringify([seen, recorder.events])).not.toContain('Secret title')
    expect((await ann.call(getParty, { partyId }, { transport })).tracks.map(({ id }) => id)).toContain(secret.id)
  })
})

it('has a limit of tracks per member', async () => {
  const { id: trackId } = await makeTrack(ann.id)
  const { party } = await ann.call(createParty, { title: 'Full', trackIds: Array.from({ length: 50 }, () => trackId) })
  const input = { partyId: party.id, trackId }
  expect(await ann.expectProblem(queueTrack, input)).toMatchObject({ code: 'member_queue_full' })
  await bob.call(joinParty, { partyId: party.id })
  await ann.call(setRole, { partyId: party.id, profileId: bob.id, role: 'dj' })
  await bob.call(queueTrack, input)
})
