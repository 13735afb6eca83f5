import { blockProfile } from '../../../skills/user-profile/block-profile'
import { endParty } from '../../../skills/listening-party/end-party'
import { getParty } from '../../../skills/listening-party/get-party'
import { joinParty } from '../../../skills/listening-party/join-party'
import { leaveParty } from '../../../skills/listening-party/leave-party'
import { openParty } from '../../../skills/listening-party/open-party'
import { playParty } from '../../../skills/listening-party/play-party'
import { queueTrack } from '../../../skills/listening-party/queue-track'
import { removeMember } from '../../../skills/listening-party/remove-member'
import { setRole } from '../../../skills/listening-party/set-role'
import { makeTrack } from '../../factories'
import { doors, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { aParty, type Snapshot } from './a-party'

type Member = Snapshot['members'][number]

let world: TestWorld
let ann: Person
let bob: Person
let cid: Person
let trios = 0
beforeAll(async () => {
  world = await freshWorld()
})
beforeEach(async () => {
  trios += 1
  ann = await world.person(`ann-${trios}`)
  bob = await world.person(`bob-${trios}`)
  cid = await world.person(`cid-${trios}`)
})
afterAll(() => world[Symbol.asyncDispose]())

const rolesIn = async (partyId: string, viewer: Person) =>
  Object.fromEntries((await viewer.call(getParty, { partyId })).members.map(({ profile, role }) => [profile.id, role]))

describe.each(doors)('being in a party over %s', door => {
  it('begins once, however often one joins, and everybody is told once', async () => {
    const { party } = await aParty(ann)
    const partyId = party.id
    const ear = await ann.hear(`party:${partyId}`)
    const joins = await Promise.all([1, 2, 3].map(() => bob.call(joinParty, { partyId }, { door })))
    expect(joins.map(({ party: { memberCount } }) => memberCount)).toEqual([2, 2, 2])
    await cid.call(joinParty, { partyId }, { door })
    await ear.first('listening-party.memberJoined', data => data.memberCount === 3)
    await ear.all(world.world)
    expect(ear.names()).toEqual(['listening-party.memberJoined', 'listening-party.memberJoined'])
  })

  it('fills a party to its capacity and no further, whoever comes at the same time', async () => {
    const { id: trackId } = await makeTrack(ann.id)
    const { party } = await ann.call(openParty, { title: 'Small', trackId, capacity: 2 })
    const outcomes = await Promise.all([bob, cid].map(person => person.ask(joinParty, { partyId: party.id }, { door })))
    expect(outcomes.map(({ error }) => error?.code).sort()).toEqual(['party_full', undefined])
    const moderator = await world.person(`mod-${door}`, { roles: ['moderator'] })
    expect((await moderator.call(joinParty, { partyId: party.id }, { door })).party.memberCount).toBe(3)
  })

  it('ends when one leaves, once', async () => {
    const { party } = await aParty(ann, [60_000], [bob])
    const partyId = party.id
    const ear = await ann.hear(`party:${partyId}`)
    expect(await bob.call(leaveParty, { partyId }, { door })).toEqual({ done: true })
    expect(await bob.call(leaveParty, { partyId }, { door })).toEqual({ done: true })
    const left = await ear.first('listening-party.memberLeft')
    expect(left.data).toMatchObject({ profileId: bob.id, why: 'left', memberCount: 1 })
    await cid.call(joinParty, { partyId })
    await ear.first('listening-party.memberJoined', ({ member }) => (member as Member).profile.id === cid.id)
    expect(ear.names().filter(name => name === 'listening-party.memberLeft')).toHaveLength(1)
  })

  it('makes a co-host the host when the host leaves, else the oldest member; the music goes on', async () => {
    const { party } = await aParty(ann, [60_000], [bob, cid])
    const partyId = party.id
    await ann.call(setRole, { partyId, profileId: cid.id, role: 'co-host' }, { door })
    const { timeline } = await ann.call(playParty, { partyId })
    const ear = await bob.hear(`party:${partyId}`)
    await ann.call(leaveParty, { partyId }, { door })
    const heir = await ear.first('listening-party.memberChanged')
    expect(heir.data).toMatchObject({ member: { profile: { id: cid.id }, role: 'host' }, memberCount: 2 })
    const rejoined = await ann.call(joinParty, { partyId }, { door })
    expect(rejoined.party).toMatchObject({ host: { id: cid.id }, viewer: { role: 'listener' } })
    expect(rejoined.timeline).toEqual(timeline)
    await cid.call(leaveParty, { partyId }, { door })
    expect(await rolesIn(partyId, bob)).toEqual({ [bob.id]: 'host', [ann.id]: 'listener' })
  })

  it('pauses when the last one leaves, and whoever comes then hosts', async () => {
    const { party } = await aParty(ann)
    const partyId = party.id
    await ann.call(playParty, { partyId })
    await ann.call(leaveParty, { partyId }, { door })
    const joined = await bob.call(joinParty, { partyId }, { door })
    expect(joined).toMatchObject({ timeline: { status: 'paused' }, party: { memberCount: 1, host: { id: bob.id } } })
  })

  it('is over for who is removed, who may come back, and for who is banned, who may not', async () => {
    const { party } = await aParty(ann, [60_000], [bob])
    const partyId = party.id
    await ann.call(setRole, { partyId, profileId: bob.id, role: 'dj' })
    await bob.call(queueTrack, { partyId, trackId: (await makeTrack(bob.id)).id })
    const own = await bob.hear(`user:${bob.id}`)
    await ann.call(removeMember, { partyId, profileId: bob.id }, { door })
    await own.first('listening-party.memberLeft', data => data.why === 'removed')
    const back = await bob.call(joinParty, { partyId }, { door })
    expect(back).toMatchObject({ party: { viewer: { role: 'listener' } } })
    expect(back.queue).toHaveLength(2)

    const ban = { partyId, profileId: bob.id, ban: true }
    expect(await ann.call(removeMember, ban, { door })).toEqual(await ann.call(removeMember, ban, { door }))
    await own.first('listening-party.memberLeft', data => data.why === 'banned')
    await own.all(world.world)
    expect(own.names().filter(name => name === 'listening-party.memberLeft')).toHaveLength(2)
    expect(await bob.refused(joinParty, { partyId }, { door })).toMatchObject({ code: 'not_found' })
    expect(await bob.refused(getParty, { partyId }, { door })).toMatchObject({ code: 'not_found' })
    await expect(bob.hear(`party:${partyId}`)).rejects.toMatchObject({ problem: { code: 'not_found' } })
    const after = await ann.call(getParty, { partyId })
    expect(after).toMatchObject({ party: { memberCount: 1 }, queue: [expect.objectContaining({ addedBy: ann.id })] })
  })

  it('can be forbidden before somebody ever came, but not to somebody who does not exist', async () => {
    const { party } = await aParty(ann)
    const partyId = party.id
    await ann.call(removeMember, { partyId, profileId: bob.id, ban: true }, { door })
    expect(await bob.refused(joinParty, { partyId }, { door })).toMatchObject({ code: 'not_found' })
    const nobody = { partyId, profileId: partyId, ban: true }
    expect(await ann.refused(removeMember, nobody, { door })).toMatchObject({ code: 'not_found' })
  })

  it('is nothing for those whom the host has blocked, not even when they are in already', async () => {
    const { party } = await aParty(ann, [60_000], [bob])
    const partyId = party.id
    const ear = await ann.hear(`party:${partyId}`)
    await ann.call(blockProfile, { profileId: bob.id })
    await ann.call(blockProfile, { profileId: cid.id })
    expect(await cid.refused(joinParty, { partyId }, { door })).toMatchObject({ code: 'not_found' })
    expect(await bob.refused(getParty, { partyId }, { door })).toMatchObject({ code: 'not_found' })
    await world.work()
    await ear.first('listening-party.memberLeft', data => data.profileId === bob.id)
    expect(await rolesIn(partyId, ann)).toEqual({ [ann.id]: 'host' })
  })

  it('ends when the party goes to a host who has blocked one of them', async () => {
    const { party } = await aParty(ann, [60_000], [bob, cid])
    const partyId = party.id
    const ear = await ann.hear(`party:${partyId}`)
    await bob.call(blockProfile, { profileId: cid.id })
    await world.work()
    expect(Object.keys(await rolesIn(partyId, ann)).toSorted()).toEqual([ann.id, bob.id, cid.id].toSorted())
    await ann.call(setRole, { partyId, profileId: bob.id, role: 'host' }, { door })
    await world.work()
    await ear.first('listening-party.memberLeft', data => data.profileId === cid.id)
    expect(await rolesIn(partyId, ann)).toEqual({ [ann.id]: 'co-host', [bob.id]: 'host' })
  })

  it('is over for all when the party is', async () => {
    const { party } = await aParty(ann, [60_000], [bob])
    const partyId = party.id
    const ear = await bob.hear(`party:${partyId}`)
    const ended = await ann.call(endParty, { partyId }, { door })
    expect(await ann.call(endParty, { partyId }, { door })).toEqual(ended)
    await ear.first('listening-party.partyEnded')
    await ear.all(world.world)
    expect(ear.names().filter(name => name === 'listening-party.partyEnded')).toHaveLength(1)
    expect((await bob.call(getParty, { partyId }, { door })).timeline).toMatchObject({ status: 'ended', itemId: null })
    expect(await cid.refused(joinParty, { partyId }, { door })).toMatchObject({ code: 'party_ended', status: 409 })
    expect(await ann.refused(playParty, { partyId }, { door })).toMatchObject({ code: 'party_ended' })
    expect(await bob.call(leaveParty, { partyId }, { door })).toEqual({ done: true })
  })

  it('needs a party, and is needed to hear one', async () => {
    const { party } = await aParty(ann)
    const none = { partyId: ann.id }
    for (const op of [getParty, joinParty, leaveParty])
      expect(await bob.refused(op, none, { door })).toMatchObject({ code: 'not_found' })
    await expect(bob.hear(`party:${party.id}`)).rejects.toMatchObject({ problem: { code: 'forbidden' } })
  })
})
