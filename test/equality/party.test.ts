import fc from 'fast-check'
import { endParty } from '../../skills/listening-party/end-party'
import { getParty } from '../../skills/listening-party/get-party'
import { joinParty } from '../../skills/listening-party/join-party'
import { leaveParty } from '../../skills/listening-party/leave-party'
import { openParty } from '../../skills/listening-party/open-party'
import { pauseParty } from '../../skills/listening-party/pause-party'
import { playParty } from '../../skills/listening-party/play-party'
import { queueTrack } from '../../skills/listening-party/queue-track'
import { removeMember } from '../../skills/listening-party/remove-member'
import { seekParty } from '../../skills/listening-party/seek-party'
import { setRole } from '../../skills/listening-party/set-role'
import { skipTrack } from '../../skills/listening-party/skip-track'
import { unqueueTrack } from '../../skills/listening-party/unqueue-track'
import { makeTrack } from '../factories'
import { doors, type Person, type Reply } from '../people'
import { freshWorld, type TestWorld } from '../world'
import { type Fresh, Mirror, take } from './mirror'
import { type PartyCopy, partyRules, shownParty } from './party-copy'
import { holdsFor, storiesWithinMs, tell } from './stories'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const deed = fc.record({
  who: fc.nat(2),
  whom: fc.nat(3),
  what: fc.constantFrom(
    ...(['play', 'play', 'pause', 'seek', 'skip', 'queue', 'queue', 'unqueue'] as const),
    ...(['role', 'leave', 'join', 'join', 'remove', 'wait'] as const),
  ),
  role: fc.constantFrom('host', 'co-host', 'dj', 'listener'),
  which: fc.nat(1_000),
  door: fc.constantFrom(...doors),
})
type Deed = typeof deed extends fc.Arbitrary<infer D> ? D : never

let told = 0

/** A party of four on two nodes, one of whom only looks on; not everybody may see all tracks. */
async function stage() {
  told += 1
  const ann = await world.person(`ann${told}`)
  const others = await Promise.all(['bob', 'cid', 'eve'].map(name => world.person(`${name}${told}`)))
  const [bob = ann, , eve = ann] = others
  const tracks = await Promise.all([
    makeTrack(ann.id, { durationMs: 60_000 }),
    makeTrack(ann.id, { durationMs: 50_000, visibility: 'private' }),
    makeTrack(bob.id, { durationMs: 40_000 }),
  ])
  const trackIds = tracks.map(({ id }) => id)
  const opened = await ann.call(openParty, { title: 'Tonight', trackIds })
  const partyId = opened.party.id
  const itemIds = opened.queue.map(({ itemId }) => itemId)
  for (const guest of others) await guest.call(joinParty, { partyId })
  await ann.call(setRole, { partyId, profileId: bob.id, role: 'co-host' })
  const people: readonly Person[] = [ann, ...others]

  async function does({ who, whom, what, role, which, door }: Deed): Promise<Reply> {
    const person = people[who] ?? ann
    const itemId = itemIds[which % itemIds.length] ?? ''
    const profileId = people[whom]?.id ?? ''
    // Whoever looks on stays.
    const removedId = people[whom % 3]?.id ?? ''
    const trackId = trackIds[which % trackIds.length] ?? ''
    const deeds: Record<typeof what, () => Promise<Reply>> = {
      play: () => person.ask(playParty, { partyId }, { door }),
      pause: () => person.ask(pauseParty, { partyId }, { door }),
      seek: () => person.ask(seekParty, { partyId, positionMs: 47 * which }, { door }),
      skip: () => person.ask(skipTrack, { partyId, itemId }, { door }),
      queue: () => person.ask(queueTrack, { partyId, trackId }, { door }),
      unqueue: () => person.ask(unqueueTrack, { partyId, itemId }, { door }),
      role: () => person.ask(setRole, { partyId, profileId, role }, { door }),
      leave: () => person.ask(leaveParty, { partyId }, { door }),
      join: () => person.ask(joinParty, { partyId }, { door }),
      remove: () => person.ask(removeMember, { partyId, profileId: removedId, ban: which % 9 === 0 }, { door }),
      // Tracks end meanwhile: whoever does something next finds the party further.
      wait: async () => {
        world.clock.advance(20_000)
        return {}
      },
    }
    const reply = await deeds[what]()
    if (what === 'queue' && reply.error === undefined) itemIds.push((reply.data as { itemId: string }).itemId)
    return reply
  }
  return { people, eve, partyId, does }
}

it(
  'a snapshot of a party and the events since are a fresh snapshot',
  async () => {
    await holdsFor(deed, async story => {
      const { people, eve, partyId, does } = await stage()
      const fresh = async (): Promise<Fresh<PartyCopy>> => {
        const { data, place } = await take(eve, getParty, { partyId }, story.door)
        const { party, timeline, queue, members, tracks } = data
        return { state: { party, timeline, queue, members, tracks }, places: [place] }
      }
      await using mirror = await tell(story, does, async () =>
        Mirror.open(world, eve, await fresh(), partyRules(eve.id)),
      )
      const compare = async () => {
        const now = await fresh()
        await mirror.reaches(now)
        expect(await shownParty(mirror.state, eve)).toEqual(await shownParty(now.state, eve))
      }
      await compare()
      for (const person of people) await person.ask(endParty, { partyId })
      await compare()
      expect(mirror.state.party.endedAt).not.toBeNull()
    })
  },
  storiesWithinMs,
)
