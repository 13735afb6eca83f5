import fc from 'fast-check'
import { getParty } from '../../../skills/listening-party/get-party'
import { joinParty } from '../../../skills/listening-party/join-party'
import { leaveParty } from '../../../skills/listening-party/leave-party'
import { pauseParty } from '../../../skills/listening-party/pause-party'
import { playParty } from '../../../skills/listening-party/play-party'
import { queueTrack } from '../../../skills/listening-party/queue-track'
import { seekParty } from '../../../skills/listening-party/seek-party'
import { setRole } from '../../../skills/listening-party/set-role'
import { skipTrack } from '../../../skills/listening-party/skip-track'
import { unqueueTrack } from '../../../skills/listening-party/unqueue-track'
import { type Heard, type Person, type Reply } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { aParty, type Snapshot } from './a-party'

/** State equality: a snapshot and the events after it are a later snapshot, whatever happened in between. */
let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** What a client does: nothing older than it knows, one revision after the other, always the whole new value. */
function apply(known: Snapshot, { name, data }: Heard): Snapshot {
  const rev = data.rev as number
  if (rev <= known.party.rev) return known
  expect(rev).toBe(known.party.rev + 1)
  const { memberCount = known.party.memberCount } = data as { memberCount?: number }
  const party = { ...known.party, rev, memberCount }
  const others = (profileId: string) => known.members.filter(({ profile }) => profile.id !== profileId)
  switch (name) {
    case 'listening-party.timelineChanged':
      return { ...known, party, timeline: data.timeline as Snapshot['timeline'] }
    case 'listening-party.queueChanged':
      return { ...known, party, queue: data.queue as Snapshot['queue'] }
    case 'listening-party.memberLeft':
      return { ...known, party, members: others(data.profileId as string) }
    case 'listening-party.memberJoined':
    case 'listening-party.memberChanged': {
      const member = data.member as Snapshot['members'][number]
      const host = member.role === 'host' ? member.profile : party.host
      return { ...known, party: { ...party, host }, members: [...others(member.profile.id), member] }
    }
    default:
      throw new Error(`a client knows no ${name}`)
  }
}

/** Without what depends on who looks and when; members in the order of their ids. */
function shared({ party: { viewer, ...party }, timeline, queue, members }: Snapshot) {
  expect(viewer).toBeDefined()
  const byId = [...members].sort((a, b) => (a.profile.id < b.profile.id ? -1 : 1))
  return { party, timeline, queue, members: byId }
}

const deed = fc.record({
  who: fc.nat(2),
  what: fc.constantFrom('play', 'pause', 'seek', 'skip', 'queue', 'unqueue', 'role', 'leave', 'join'),
  which: fc.nat(3),
})

it('holds under random commands from two nodes at once', async () => {
  let told = 0
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { minLength: 8, maxLength: 24 }), async story => {
      told += 1
      const people: Person[] = []
      for (const name of ['ann', 'bob', 'cid', 'eve']) people.push(await world.person(`${name}-${told}`))
      const [host, watcher] = [people[0], people[3]]
      if (host === undefined || watcher === undefined) throw new Error('nobody came')
      const opened = await aParty(host, [60_000, 50_000, 40_000], people.slice(1))
      const partyId = opened.party.id
      await host.call(setRole, { partyId, profileId: people[1]?.id ?? '', role: 'co-host' })
      const ear = await watcher.hear(`party:${partyId}`)
      const before = await watcher.call(getParty, { partyId })

      const does = ({ who, what, which }: (typeof story)[number]) => {
        const person = people[who] ?? host
        const itemId = opened.queue[which]?.itemId ?? partyId
        const profileId = people[which % 3]?.id ?? ''
        const role = which % 2 === 0 ? 'dj' : 'listener'
        const deeds: Record<typeof what, () => Promise<Reply>> = {
          play: () => person.ask(playParty, { partyId }),
          pause: () => person.ask(pauseParty, { partyId }, { door: 'socket' }),
          seek: () => person.ask(seekParty, { partyId, positionMs: 1_000 * which }),
          skip: () => person.ask(skipTrack, { partyId, itemId }, { door: 'socket' }),
          queue: () => person.ask(queueTrack, { partyId, trackId: opened.queue[0]?.trackId ?? '' }),
          unqueue: () => person.ask(unqueueTrack, { partyId, itemId }),
          role: () => person.ask(setRole, { partyId, profileId, role }),
          leave: () => person.ask(leaveParty, { partyId }, { door: 'socket' }),
          join: () => person.ask(joinParty, { partyId }),
        }
        return deeds[what]()
      }
      for (let next = 0; next < story.length; next += 6) {
        const replies = await Promise.all(story.slice(next, next + 6).map(does))
        for (const { error } of replies) expect(error?.status ?? 200).toBeLessThan(500)
        world.clock.advance(20_000)
      }

      const after = await watcher.call(getParty, { partyId })
      if (after.party.rev > before.party.rev)
        while (!ear.events.some(({ data }) => data.rev === after.party.rev))
          await new Promise(resolve => setTimeout(resolve, 20))
      expect(shared(ear.events.reduce(apply, before))).toEqual(shared(after))
    }),
    { numRuns: 6, endOnFailure: true },
  )
})
