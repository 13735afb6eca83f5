import fc from 'fast-check'
import { endParty } from '../../skills/listening-party/end-party'
import { getParty } from '../../skills/listening-party/get-party'
import { joinParty } from '../../skills/listening-party/join-party'
import { leaveParty } from '../../skills/listening-party/leave-party'
import { createParty } from '../../skills/listening-party/create-party'
import { pauseParty } from '../../skills/listening-party/pause-party'
import { playParty } from '../../skills/listening-party/play-party'
import { queueTrack } from '../../skills/listening-party/queue-track'
import { kickMember } from '../../skills/listening-party/kick-member'
import { seekParty } from '../../skills/listening-party/seek-party'
import { setRole } from '../../skills/listening-party/set-role'
import { skipTrack } from '../../skills/listening-party/skip-track'
import { removeQueueItem } from '../../skills/listening-party/remove-queue-item'
import { makeTrack } from '../factories'
import { transports, type Person, type Reply } from '../person'
import { createTestApp, type TestApp } from '../test-app'
import { type ReplicaStart, Replica, takeSnapshot } from './replica'
import { type PartyReplica, partyRules, displayedParty } from './party-replica'
import { checkStories, storiesTimeoutMs, runStory } from './stories'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

const action = fc.record({
  who: fc.nat(2),
  whom: fc.nat(3),
  what: fc.constantFrom(
    ...(['play', 'play', 'pause', 'seek', 'skip', 'queue', 'queue', 'unqueue'] as const),
    ...(['role', 'leave', 'join', 'join', 'remove', 'wait'] as const),
  ),
  role: fc.constantFrom('host', 'co-host', 'dj', 'listener'),
  which: fc.nat(1_000),
  transport: fc.constantFrom(...transports),
})
type Action = typeof action extends fc.Arbitrary<infer D> ? D : never

let stageCount = 0

/** A party of four people on two nodes, one of whom only watches; not everyone may see all tracks. */
async function createStage() {
  stageCount += 1
  const ann = await testApp.signIn(`ann${stageCount}`)
  const others = await Promise.all(['bob', 'cid', 'eve'].map(name => testApp.signIn(`${name}${stageCount}`)))
  const [bob = ann, , eve = ann] = others
  const tracks = await Promise.all([
    makeTrack(ann.id, { durationMs: 60_000 }),
    makeTrack(ann.id, { durationMs: 50_000, visibility: 'private' }),
    makeTrack(bob.id, { durationMs: 40_000 }),
  ])
  const trackIds = tracks.map(({ id }) => id)
  const created = await ann.call(createParty, { title: 'Tonight', trackIds })
  const partyId = created.party.id
  const itemIds = created.queue.map(({ itemId }) => itemId)
  for (const guest of others) await guest.call(joinParty, { partyId })
  await ann.call(setRole, { partyId, profileId: bob.id, role: 'co-host' })
  const people: readonly Person[] = [ann, ...others]

  async function perform({ who, whom, what, role, which, transport }: Action): Promise<Reply> {
    const person = people[who] ?? ann
    const itemId = itemIds[which % itemIds.length] ?? ''
    const profileId = people[whom]?.id ?? ''
    // The watching person stays.
    const removedId = people[whom % 3]?.id ?? ''
    const trackId = trackIds[which % trackIds.length] ?? ''
    const actions: Record<typeof what, () => Promise<Reply>> = {
      play: () => person.request(playParty, { partyId }, { transport }),
      pause: () => person.request(pauseParty, { partyId }, { transport }),
      seek: () => person.request(seekParty, { partyId, positionMs: 47 * which }, { transport }),
      skip: () => person.request(skipTrack, { partyId, itemId }, { transport }),
      queue: () => person.request(queueTrack, { partyId, trackId }, { transport }),
      unqueue: () => person.request(removeQueueItem, { partyId, itemId }, { transport }),
      role: () => person.request(setRole, { partyId, profileId, role }, { transport }),
      leave: () => person.request(leaveParty, { partyId }, { transport }),
      join: () => person.request(joinParty, { partyId }, { transport }),
      remove: () => person.request(kickMember, { partyId, profileId: removedId, ban: which % 9 === 0 }, { transport }),
      // Tracks end meanwhile: the next action finds a later timeline.
      wait: async () => {
        testApp.clock.advance(20_000)
        return {}
      },
    }
    const reply = await actions[what]()
    if (what === 'queue' && reply.error === undefined) itemIds.push((reply.data as { itemId: string }).itemId)
    return reply
  }
  return { people, eve, partyId, does: perform }
}

it(
  'a snapshot of a party plus later events equals a new snapshot',
  async () => {
    await checkStories(action, async story => {
      const { people, eve, partyId, does: perform } = await createStage()
      const snapshot = async (): Promise<ReplicaStart<PartyReplica>> => {
        const { data, position } = await takeSnapshot(eve, getParty, { partyId }, story.transport)
        const { party, timeline, queue, members, tracks } = data
        return { state: { party, timeline, queue, members, tracks }, positions: [position] }
      }
      await using replica = await runStory(story, perform, async () =>
        Replica.open(testApp, eve, await snapshot(), partyRules(eve.id)),
      )
      const compare = async () => {
        const now = await snapshot()
        await replica.waitFor(now)
        expect(await displayedParty(replica.state, eve)).toEqual(await displayedParty(now.state, eve))
      }
      await compare()
      for (const person of people) await person.request(endParty, { partyId })
      await compare()
      expect(replica.state.party.endedAt).not.toBeNull()
    })
  },
  storiesTimeoutMs,
)
