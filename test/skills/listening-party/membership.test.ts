import { blockProfile } from '../../../skills/user-profile/block-profile'
import { endParty } from '../../../skills/listening-party/end-party'
import { getParty } from '../../../skills/listening-party/get-party'
import { joinParty } from '../../../skills/listening-party/join-party'
import { leaveParty } from '../../../skills/listening-party/leave-party'
import { createParty } from '../../../skills/listening-party/create-party'
import { playParty } from '../../../skills/listening-party/play-party'
import { queueTrack } from '../../../skills/listening-party/queue-track'
import { kickMember } from '../../../skills/listening-party/kick-member'
import { setRole } from '../../../skills/listening-party/set-role'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { createTestParty, type Snapshot } from './create-test-party'

type Member = Snapshot['members'][number]

let testApp: TestApp
let ann: Person
let bob: Person
let cid: Person
let testCount = 0
beforeAll(async () => {
  testApp = await createTestApp()
})
beforeEach(async () => {
  testCount += 1
  ann = await testApp.signIn(`ann-${testCount}`)
  bob = await testApp.signIn(`bob-${testCount}`)
  cid = await testApp.signIn(`cid-${testCount}`)
})
afterAll(() => testApp[Symbol.asyncDispose]())

const rolesIn = async (partyId: string, viewer: Person) =>
  Object.fromEntries((await viewer.call(getParty, { partyId })).members.map(({ profile, role }) => [profile.id, role]))

describe.each(transports)('membership of a party over %s', transport => {
  it('begins once for repeated joins, and members are notified once', async () => {
    const { party } = await createTestParty(ann)
    const partyId = party.id
    const recorder = await ann.recordEvents(`party:${partyId}`)
    const joins = await Promise.all([1, 2, 3].map(() => bob.call(joinParty, { partyId }, { transport })))
    expect(joins.map(({ party: { memberCount } }) => memberCount)).toEqual([2, 2, 2])
    await cid.call(joinParty, { partyId }, { transport })
    await recorder.waitFor('listening-party.memberJoined', data => data.memberCount === 3)
    await recorder.waitForAll(testApp.app)
    expect(recorder.names()).toEqual(['listening-party.memberJoined', 'listening-party.memberJoined'])
  })

  it('fills a party to its capacity and no further under concurrent joins', async () => {
    const { id: trackId } = await makeTrack(ann.id)
    const { party } = await ann.call(createParty, { title: 'Small', trackId, capacity: 2 })
    const outcomes = await Promise.all(
      [bob, cid].map(person => person.request(joinParty, { partyId: party.id }, { transport })),
    )
    expect(outcomes.map(({ error }) => error?.code).sort()).toEqual(['party_full', undefined])
    const moderator = await testApp.signIn(`mod-${transport}`, { roles: ['moderator'] })
    expect((await moderator.call(joinParty, { partyId: party.id }, { transport })).party.memberCount).toBe(3)
  })

  it('ends when a member leaves; leaving again changes nothing', async () => {
    const { party } = await createTestParty(ann, [60_000], [bob])
    const partyId = party.id
    const recorder = await ann.recordEvents(`party:${partyId}`)
    expect(await bob.call(leaveParty, { partyId }, { transport })).toEqual({ done: true })
    expect(await bob.call(leaveParty, { partyId }, { transport })).toEqual({ done: true })
    const left = await recorder.waitFor('listening-party.memberLeft')
    expect(left.data).toMatchObject({ profileId: bob.id, reason: 'left', memberCount: 1 })
    await cid.call(joinParty, { partyId })
    await recorder.waitFor('listening-party.memberJoined', ({ member }) => (member as Member).profile.id === cid.id)
    expect(recorder.names().filter(name => name === 'listening-party.memberLeft')).toHaveLength(1)
  })

  it('passes the host role to a co-host, else to who joined first, when the host leaves; playback continues', async () => {
    const { party } = await createTestParty(ann, [60_000], [bob, cid])
    const partyId = party.id
    await ann.call(setRole, { partyId, profileId: cid.id, role: 'co-host' }, { transport })
    const { timeline } = await ann.call(playParty, { partyId })
    const recorder = await bob.recordEvents(`party:${partyId}`)
    await ann.call(leaveParty, { partyId }, { transport })
    const promoted = await recorder.waitFor('listening-party.memberChanged')
    expect(promoted.data).toMatchObject({ member: { profile: { id: cid.id }, role: 'host' }, memberCount: 2 })
    const rejoined = await ann.call(joinParty, { partyId }, { transport })
    expect(rejoined.party).toMatchObject({ host: { id: cid.id }, viewer: { role: 'listener' } })
    expect(rejoined.timeline).toEqual(timeline)
    await cid.call(leaveParty, { partyId }, { transport })
    expect(await rolesIn(partyId, bob)).toEqual({ [bob.id]: 'host', [ann.id]: 'listener' })
  })

  it('pauses playback when the last member leaves, and the next member to join is the host', async () => {
    const { party } = await createTestParty(ann)
    const partyId = party.id
    await ann.call(playParty, { partyId })
    await ann.call(leaveParty, { partyId }, { transport })
    const joined = await bob.call(joinParty, { partyId }, { transport })
    expect(joined).toMatchObject({ timeline: { status: 'paused' }, party: { memberCount: 1, host: { id: bob.id } } })
  })

  it('ends by a kick, after which one may rejoin, or by a ban, after which one may not', async () => {
    const { party } = await createTestParty(ann, [60_000], [bob])
    const partyId = party.id
    await ann.call(setRole, { partyId, profileId: bob.id, role: 'dj' })
    await bob.call(queueTrack, { partyId, trackId: (await makeTrack(bob.id)).id })
    const ownRecorder = await bob.recordEvents(`user:${bob.id}`)
    await ann.call(kickMember, { partyId, profileId: bob.id }, { transport })
    await ownRecorder.waitFor('listening-party.memberLeft', data => data.reason === 'kicked')
    const rejoined = await bob.call(joinParty, { partyId }, { transport })
    expect(rejoined).toMatchObject({ party: { viewer: { role: 'listener' } } })
    expect(rejoined.queue).toHaveLength(2)

    const ban = { partyId, profileId: bob.id, ban: true }
    expect(await ann.call(kickMember, ban, { transport })).toEqual(await ann.call(kickMember, ban, { transport }))
    await ownRecorder.waitFor('listening-party.memberLeft', data => data.reason === 'banned')
    await ownRecorder.waitForAll(testApp.app)
    expect(ownRecorder.names().filter(name => name === 'listening-party.memberLeft')).toHaveLength(2)
    expect(await bob.expectProblem(joinParty, { partyId }, { transport })).toMatchObject({ code: 'not_found' })
    expect(await bob.expectProblem(getParty, { partyId }, { transport })).toMatchObject({ code: 'not_found' })
    await expect(bob.recordEvents(`party:${partyId}`)).rejects.toMatchObject({ problem: { code: 'not_found' } })
    const after = await ann.call(getParty, { partyId })
    expect(after).toMatchObject({ party: { memberCount: 1 }, queue: [expect.objectContaining({ addedById: ann.id })] })
  })

  it('can be banned for a user who never joined, but not for an unknown profile', async () => {
    const { party } = await createTestParty(ann)
    const partyId = party.id
    await ann.call(kickMember, { partyId, profileId: bob.id, ban: true }, { transport })
    expect(await bob.expectProblem(joinParty, { partyId }, { transport })).toMatchObject({ code: 'not_found' })
    const nobody = { partyId, profileId: partyId, ban: true }
    expect(await ann.expectProblem(kickMember, nobody, { transport })).toMatchObject({ code: 'not_found' })
  })

  it('is refused to users whom the host blocks, and ends for members whom the host blocks', async () => {
    const { party } = await createTestParty(ann, [60_000], [bob])
    const partyId = party.id
    const recorder = await ann.recordEvents(`party:${partyId}`)
    await ann.call(blockProfile, { profileId: bob.id })
    await ann.call(blockProfile, { profileId: cid.id })
    expect(await cid.expectProblem(joinParty, { partyId }, { transport })).toMatchObject({ code: 'not_found' })
    expect(await bob.expectProblem(getParty, { partyId }, { transport })).toMatchObject({ code: 'not_found' })
    await testApp.runJobs()
    await recorder.waitFor('listening-party.memberLeft', data => data.profileId === bob.id)
    expect(await rolesIn(partyId, ann)).toEqual({ [ann.id]: 'host' })
  })

  it('ends for a member when the host role passes to somebody who blocks them', async () => {
    const { party } = await createTestParty(ann, [60_000], [bob, cid])
    const partyId = party.id
    const recorder = await ann.recordEvents(`party:${partyId}`)
    await bob.call(blockProfile, { profileId: cid.id })
    await testApp.runJobs()
    expect(Object.keys(await rolesIn(partyId, ann)).toSorted()).toEqual([ann.id, bob.id, cid.id].toSorted())
    await ann.call(setRole, { partyId, profileId: bob.id, role: 'host' }, { transport })
    await testApp.runJobs()
    await recorder.waitFor('listening-party.memberLeft', data => data.profileId === cid.id)
    expect(await rolesIn(partyId, ann)).toEqual({ [ann.id]: 'co-host', [bob.id]: 'host' })
  })

  it('ends for all when the party ends', async () => {
    const { party } = await createTestParty(ann, [60_000], [bob])
    const partyId = party.id
    const recorder = await bob.recordEvents(`party:${partyId}`)
    const ended = await ann.call(endParty, { partyId }, { transport })
    expect(await ann.call(endParty, { partyId }, { transport })).toEqual(ended)
    await recorder.waitFor('listening-party.partyEnded')
    await recorder.waitForAll(testApp.app)
    expect(recorder.names().filter(name => name === 'listening-party.partyEnded')).toHaveLength(1)
    expect((await bob.call(getParty, { partyId }, { transport })).timeline).toMatchObject({
      status: 'ended',
      itemId: null,
    })
    expect(await cid.expectProblem(joinParty, { partyId }, { transport })).toMatchObject({
      code: 'party_ended',
      status: 409,
    })
    expect(await ann.expectProblem(playParty, { partyId }, { transport })).toMatchObject({ code: 'party_ended' })
    expect(await bob.call(leaveParty, { partyId }, { transport })).toEqual({ done: true })
  })

  it('needs a party that exists, and is needed to follow its channel', async () => {
    const { party } = await createTestParty(ann)
    const none = { partyId: ann.id }
    for (const op of [getParty, joinParty, leaveParty])
      expect(await bob.expectProblem(op, none, { transport })).toMatchObject({ code: 'not_found' })
    await expect(bob.recordEvents(`party:${party.id}`)).rejects.toMatchObject({ problem: { code: 'forbidden' } })
  })
})
