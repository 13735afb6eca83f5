import { endParty } from '../../../skills/listening-party/end-party'
import { getParty } from '../../../skills/listening-party/get-party'
import { joinParty } from '../../../skills/listening-party/join-party'
import { leaveParty } from '../../../skills/listening-party/leave-party'
import { pauseParty } from '../../../skills/listening-party/pause-party'
import { playParty } from '../../../skills/listening-party/play-party'
import { queueTrack } from '../../../skills/listening-party/queue-track'
import { kickMember } from '../../../skills/listening-party/kick-member'
import { mayAssign, hasPermission, mayKick, partyRoles, permissions } from '../../../skills/listening-party/rules'
import { seekParty } from '../../../skills/listening-party/seek-party'
import { setRole } from '../../../skills/listening-party/set-role'
import { skipTrack } from '../../../skills/listening-party/skip-track'
import { removeQueueItem } from '../../../skills/listening-party/remove-queue-item'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { createTestParty } from './create-test-party'

let testApp: TestApp
let host: Person
let coHost: Person
let dj: Person
let listener: Person
let stranger: Person
let moderator: Person
beforeAll(async () => {
  testApp = await createTestApp()
  host = await testApp.signIn('host')
  coHost = await testApp.signIn('cohost')
  dj = await testApp.signIn('dj')
  listener = await testApp.signIn('listener')
  stranger = await testApp.signIn('stranger')
  moderator = await testApp.signIn('moderator', { roles: ['moderator'] })
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** A party with a member of each role, a current track and a queued one. */
async function createPartyWithRoles() {
  const { party, queue } = await createTestParty(host, [60_000, 60_000], [coHost, dj, listener])
  const partyId = party.id
  await host.call(setRole, { partyId, profileId: coHost.id, role: 'co-host' })
  await host.call(setRole, { partyId, profileId: dj.id, role: 'dj' })
  const { timeline } = await host.call(playParty, { partyId })
  return { partyId, trackId: timeline.trackId ?? '', current: timeline.itemId ?? '', queued: queue[1]?.itemId ?? '' }
}

describe.each(transports)('permissions of a role over %s', transport => {
  it('are those of the table, for members and others', async () => {
    const { partyId, trackId, current, queued } = await createPartyWithRoles()
    const requestAll = async (person: Person) => {
      const outcomes = {
        play: await person.request(playParty, { partyId }, { transport }),
        pause: await person.request(pauseParty, { partyId }, { transport }),
        seek: await person.request(seekParty, { partyId, positionMs: 5 }, { transport }),
        skip: await person.request(skipTrack, { partyId, itemId: current }, { transport }),
        queue: await person.request(queueTrack, { partyId, trackId }, { transport }),
        'remove-from-queue': await person.request(removeQueueItem, { partyId, itemId: queued }, { transport }),
        'set-role': await person.request(setRole, { partyId, profileId: listener.id, role: 'listener' }, { transport }),
        kick: await person.request(kickMember, { partyId, profileId: stranger.id }, { transport }),
        end: await person.request(endParty, { partyId }, { transport }),
      }
      const codes = Object.entries(outcomes).map(([permission, { error }]) => [permission, error?.code ?? 'done'])
      return Object.fromEntries(codes) as Record<keyof typeof permissions, string>
    }
    const none = await requestAll(stranger)
    expect(new Set(Object.values(none))).toEqual(new Set(['forbidden']))
    for (const [role, person] of [
      ['listener', listener],
      ['dj', dj],
      ['co-host', coHost],
      ['host', host],
    ] as const) {
      const expected = Object.entries(permissions).map(([permission, by]) => [
        permission,
        by[role] === 'any' ? 'done' : 'forbidden',
      ])
      expect([role, await requestAll(person)]).toEqual([role, Object.fromEntries(expected)])
    }
  })

  it('let a dj skip and remove their own items, and remove them also after losing the role', async () => {
    const { partyId, trackId, current, queued } = await createPartyWithRoles()
    const ownItem = await dj.call(queueTrack, { partyId, trackId }, { transport })
    const spare = await dj.call(queueTrack, { partyId, trackId }, { transport })
    for (const itemId of [current, queued]) await host.call(skipTrack, { partyId, itemId })
    const skipped = await dj.call(skipTrack, { partyId, itemId: ownItem.itemId }, { transport })
    expect(skipped.timeline.itemId).toBe(spare.itemId)
    const last = await dj.call(queueTrack, { partyId, trackId }, { transport })
    await host.call(setRole, { partyId, profileId: dj.id, role: 'listener' })
    await dj.call(removeQueueItem, { partyId, itemId: last.itemId }, { transport })
    expect(await dj.expectProblem(skipTrack, { partyId, itemId: spare.itemId }, { transport })).toMatchObject({
      code: 'forbidden',
    })
  })

  it('let a co-host assign djs and only the host assign a new host, after which the old host is a co-host', async () => {
    const { partyId } = await createPartyWithRoles()
    const input = (profileId: string, role: string) => ({ partyId, profileId, role })
    const assigned = await coHost.call(setRole, { partyId, profileId: listener.id, role: 'dj' }, { transport })
    expect(assigned).toMatchObject({ profile: { id: listener.id }, role: 'dj' })
    for (const [profileId, role] of [
      [listener.id, 'co-host'],
      [listener.id, 'host'],
      [host.id, 'listener'],
    ] as const)
      expect(await coHost.expectProblem(setRole, input(profileId, role), { transport })).toMatchObject({
        code: 'forbidden',
      })
    for (const profileId of [host.id, coHost.id])
      expect(await coHost.expectProblem(kickMember, { partyId, profileId }, { transport })).toMatchObject({
        code: 'forbidden',
      })
    expect(await host.expectProblem(setRole, input(host.id, 'dj'), { transport })).toMatchObject({
      code: 'host_required',
    })
    expect(await host.expectProblem(setRole, input(stranger.id, 'dj'), { transport })).toMatchObject({
      code: 'not_found',
    })

    const recorder = await listener.recordEvents(`party:${partyId}`)
    const transferred = await host.call(setRole, { partyId, profileId: dj.id, role: 'host' }, { transport })
    expect(await host.call(setRole, { partyId, profileId: dj.id, role: 'host' }, { transport })).toEqual(transferred)
    await recorder.waitFor('listening-party.memberChanged', data => (data.member as { role: string }).role === 'host')
    const seen = await host.call(getParty, { partyId })
    expect(seen.party).toMatchObject({ host: { id: dj.id }, viewer: { role: 'co-host' } })
    expect(seen.members.filter(({ role }) => role === 'host')).toHaveLength(1)
  })
})

describe('moderators', () => {
  it('may read and end every party', async () => {
    const { partyId } = await createPartyWithRoles()
    await moderator.call(getParty, { partyId })
    expect((await moderator.call(endParty, { partyId })).timeline.status).toBe('ended')
  })
})

it('a party with members has exactly one host after concurrent leaves, joins and role changes', async () => {
  const { partyId } = await createPartyWithRoles()
  const people = [host, coHost, dj, listener]
  await Promise.all([
    host.request(setRole, { partyId, profileId: listener.id, role: 'host' }),
    coHost.request(leaveParty, { partyId }),
    host.request(leaveParty, { partyId }),
    dj.request(leaveParty, { partyId }),
    stranger.request(joinParty, { partyId }),
    coHost.request(joinParty, { partyId }),
  ])
  const { members, party } = await stranger.call(getParty, { partyId })
  expect(members.filter(({ role }) => role === 'host').map(({ profile }) => profile.id)).toEqual([party.host.id])
  expect(party.memberCount).toBe(members.length)
  expect(members.length).toBeLessThanOrEqual(people.length + 1)
})

describe('the role rules', () => {
  it('give no permission to non-members', () => {
    const permissionNames = Object.keys(permissions) as (keyof typeof permissions)[]
    expect(permissionNames.filter(permission => hasPermission(permission, null, true))).toEqual([])
    expect(mayAssign(null, 'listener', 'dj')).toBe(false)
    expect(mayKick(null, 'listener')).toBe(false)
  })

  it('allow kicking and assigning only of lower roles', () => {
    for (const [rank, role] of partyRoles.entries())
      for (const target of partyRoles.slice(0, rank + 1)) {
        expect(mayKick(role, target)).toBe(false)
        if (role !== 'host')
          expect(mayAssign(role, target, 'listener')).toBe(role === 'co-host' && target === 'listener')
      }
  })
})
