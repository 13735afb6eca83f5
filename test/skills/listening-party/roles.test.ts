import { endParty } from '../../../skills/listening-party/end-party'
import { getParty } from '../../../skills/listening-party/get-party'
import { joinParty } from '../../../skills/listening-party/join-party'
import { leaveParty } from '../../../skills/listening-party/leave-party'
import { pauseParty } from '../../../skills/listening-party/pause-party'
import { playParty } from '../../../skills/listening-party/play-party'
import { queueTrack } from '../../../skills/listening-party/queue-track'
import { removeMember } from '../../../skills/listening-party/remove-member'
import { mayAssign, mayInParty, mayRemove, partyRoles, permissions } from '../../../skills/listening-party/rules'
import { seekParty } from '../../../skills/listening-party/seek-party'
import { setRole } from '../../../skills/listening-party/set-role'
import { skipTrack } from '../../../skills/listening-party/skip-track'
import { unqueueTrack } from '../../../skills/listening-party/unqueue-track'
import { doors, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { aParty } from './a-party'

let world: TestWorld
let host: Person
let coHost: Person
let dj: Person
let listener: Person
let stranger: Person
let moderator: Person
beforeAll(async () => {
  world = await freshWorld()
  host = await world.person('host')
  coHost = await world.person('cohost')
  dj = await world.person('dj')
  listener = await world.person('listener')
  stranger = await world.person('stranger')
  moderator = await world.person('moderator', { roles: ['moderator'] })
})
afterAll(() => world[Symbol.asyncDispose]())

/** A party in which everybody has their role, and something is on and something waits. */
async function wholeParty() {
  const { party, queue } = await aParty(host, [60_000, 60_000], [coHost, dj, listener])
  const partyId = party.id
  await host.call(setRole, { partyId, profileId: coHost.id, role: 'co-host' })
  await host.call(setRole, { partyId, profileId: dj.id, role: 'dj' })
  const { timeline } = await host.call(playParty, { partyId })
  return { partyId, trackId: timeline.trackId ?? '', on: timeline.itemId ?? '', waiting: queue[1]?.itemId ?? '' }
}

describe.each(doors)('what a role may do over %s', door => {
  it('is what the table says, for those in the party and those outside', async () => {
    const { partyId, trackId, on, waiting } = await wholeParty()
    const asks = async (person: Person) => {
      const outcomes = {
        play: await person.ask(playParty, { partyId }, { door }),
        pause: await person.ask(pauseParty, { partyId }, { door }),
        seek: await person.ask(seekParty, { partyId, positionMs: 5 }, { door }),
        skip: await person.ask(skipTrack, { partyId, itemId: on }, { door }),
        queue: await person.ask(queueTrack, { partyId, trackId }, { door }),
        unqueue: await person.ask(unqueueTrack, { partyId, itemId: waiting }, { door }),
        assign: await person.ask(setRole, { partyId, profileId: listener.id, role: 'listener' }, { door }),
        remove: await person.ask(removeMember, { partyId, profileId: stranger.id }, { door }),
        end: await person.ask(endParty, { partyId }, { door }),
      }
      const codes = Object.entries(outcomes).map(([act, { error }]) => [act, error?.code ?? 'done'])
      return Object.fromEntries(codes) as Record<keyof typeof permissions, string>
    }
    const none = await asks(stranger)
    expect(new Set(Object.values(none))).toEqual(new Set(['forbidden']))
    for (const [role, person] of [
      ['listener', listener],
      ['dj', dj],
      ['co-host', coHost],
      ['host', host],
    ] as const) {
      const expected = Object.entries(permissions).map(([act, by]) => [act, by[role] === 'any' ? 'done' : 'forbidden'])
      expect([role, await asks(person)]).toEqual([role, Object.fromEntries(expected)])
    }
  })

  it('lets a dj skip and take out what is theirs, also when they are a dj no longer', async () => {
    const { partyId, trackId, on, waiting } = await wholeParty()
    const mine = await dj.call(queueTrack, { partyId, trackId }, { door })
    const spare = await dj.call(queueTrack, { partyId, trackId }, { door })
    for (const itemId of [on, waiting]) await host.call(skipTrack, { partyId, itemId })
    const skipped = await dj.call(skipTrack, { partyId, itemId: mine.itemId }, { door })
    expect(skipped.timeline.itemId).toBe(spare.itemId)
    const last = await dj.call(queueTrack, { partyId, trackId }, { door })
    await host.call(setRole, { partyId, profileId: dj.id, role: 'listener' })
    await dj.call(unqueueTrack, { partyId, itemId: last.itemId }, { door })
    const code = 'forbidden'
    expect(await dj.refused(skipTrack, { partyId, itemId: spare.itemId }, { door })).toMatchObject({ code })
  })

  it('is given from above: a co-host makes djs, only the host makes hosts, and is a co-host afterwards', async () => {
    const { partyId } = await wholeParty()
    const wish = (profileId: string, role: string) => ({ partyId, profileId, role })
    const made = await coHost.call(setRole, { partyId, profileId: listener.id, role: 'dj' }, { door })
    expect(made).toMatchObject({ profile: { id: listener.id }, role: 'dj' })
    for (const [profileId, role] of [
      [listener.id, 'co-host'],
      [listener.id, 'host'],
      [host.id, 'listener'],
    ] as const)
      expect(await coHost.refused(setRole, wish(profileId, role), { door })).toMatchObject({ code: 'forbidden' })
    for (const profileId of [host.id, coHost.id])
      expect(await coHost.refused(removeMember, { partyId, profileId }, { door })).toMatchObject({ code: 'forbidden' })
    expect(await host.refused(setRole, wish(host.id, 'dj'), { door })).toMatchObject({ code: 'host_needed' })
    expect(await host.refused(setRole, wish(stranger.id, 'dj'), { door })).toMatchObject({ code: 'not_found' })

    const ear = await listener.hear(`party:${partyId}`)
    const handed = await host.call(setRole, { partyId, profileId: dj.id, role: 'host' }, { door })
    expect(await host.call(setRole, { partyId, profileId: dj.id, role: 'host' }, { door })).toEqual(handed)
    await ear.first('listening-party.memberChanged', data => (data.member as { role: string }).role === 'host')
    const seen = await host.call(getParty, { partyId })
    expect(seen.party).toMatchObject({ host: { id: dj.id }, viewer: { role: 'co-host' } })
    expect(seen.members.filter(({ role }) => role === 'host')).toHaveLength(1)
  })
})

describe('moderators', () => {
  it('see every party and may end it', async () => {
    const { partyId } = await wholeParty()
    await moderator.call(getParty, { partyId })
    expect((await moderator.call(endParty, { partyId })).timeline.status).toBe('ended')
  })
})

it('a party with members has exactly one host, whoever leaves, comes back or hands over at the same time', async () => {
  const { partyId } = await wholeParty()
  const people = [host, coHost, dj, listener]
  await Promise.all([
    host.ask(setRole, { partyId, profileId: listener.id, role: 'host' }),
    coHost.ask(leaveParty, { partyId }),
    host.ask(leaveParty, { partyId }),
    dj.ask(leaveParty, { partyId }),
    stranger.ask(joinParty, { partyId }),
    coHost.ask(joinParty, { partyId }),
  ])
  const { members, party } = await stranger.call(getParty, { partyId })
  expect(members.filter(({ role }) => role === 'host').map(({ profile }) => profile.id)).toEqual([party.host.id])
  expect(party.memberCount).toBe(members.length)
  expect(members.length).toBeLessThanOrEqual(people.length + 1)
})

describe('the rules', () => {
  it('let nobody outside do anything', () => {
    const acts = Object.keys(permissions) as (keyof typeof permissions)[]
    expect(acts.filter(act => mayInParty(act, null, true))).toEqual([])
    expect(mayAssign(null, 'listener', 'dj')).toBe(false)
    expect(mayRemove(null, 'listener')).toBe(false)
  })

  it('let nobody touch those who are not below them', () => {
    for (const [rank, role] of partyRoles.entries())
      for (const target of partyRoles.slice(0, rank + 1)) {
        expect(mayRemove(role, target)).toBe(false)
        if (role !== 'host')
          expect(mayAssign(role, target, 'listener')).toBe(role === 'co-host' && target === 'listener')
      }
  })
})
