import { Block } from '../../../models'
import { endParty } from '../../../skills/listening-party/end-party'
import { joinParty } from '../../../skills/listening-party/join-party'
import { leaveParty } from '../../../skills/listening-party/leave-party'
import { listParties } from '../../../skills/listening-party/list-parties'
import { createParty } from '../../../skills/listening-party/create-party'
import { playParty } from '../../../skills/listening-party/play-party'
import { kickMember } from '../../../skills/listening-party/kick-member'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { createTestParty } from './create-test-party'

let testApp: TestApp
let ann: Person
let bob: Person
let cid: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
  cid = await testApp.signIn('cid')
})
afterAll(() => testApp[Symbol.asyncDispose]())

describe.each(transports)('the list of parties over %s', transport => {
  const listed = async (viewer: Person) => (await viewer.call(listParties, {}, { transport })).map(({ id }) => id)

  it('lists parties the viewer may join, newest first', async () => {
    const first = (await createTestParty(ann)).party.id
    const second = (await createTestParty(bob, [60_000], [cid])).party.id
    await bob.call(playParty, { partyId: second })
    expect((await listed(ann)).slice(0, 2)).toEqual([second, first])
    const [row] = await cid.call(listParties, { limit: 1 }, { transport })
    expect(row).toMatchObject({ id: second, host: { id: bob.id }, isPlaying: true, viewer: { role: 'listener' } })
  })

  it('leaves out parties that are full, ended or empty, or that ban or block the viewer', async () => {
    const { id: trackId } = await makeTrack(ann.id)
    const small = (await ann.call(createParty, { title: 'Small', trackId, capacity: 2 })).party.id
    await bob.call(joinParty, { partyId: small })
    expect(await listed(bob)).toContain(small)
    expect(await listed(cid)).not.toContain(small)

    const ended = (await createTestParty(ann)).party.id
    await ann.call(endParty, { partyId: ended })
    const empty = (await createTestParty(ann)).party.id
    await ann.call(leaveParty, { partyId: empty })
    const banning = (await createTestParty(ann)).party.id
    await ann.call(kickMember, { partyId: banning, profileId: cid.id, ban: true })
    const ids = await listed(cid)
    for (const hidden of [ended, empty, banning]) expect(ids).not.toContain(hidden)

    const dan = await testApp.signIn(`dan-${transport}`)
    const party = (await createTestParty(dan)).party.id
    expect(await listed(cid)).toContain(party)
    await Block.create({ blockerId: dan.id, blockedId: cid.id, createdAt: new Date() })
    expect(await listed(cid)).not.toContain(party)
  })

  it('continues where a page ended while parties are created', async () => {
    for (let created = 0; created < 3; created += 1) await createTestParty(bob)
    const whole = await listed(cid)
    const first = await cid.request(listParties, { limit: 2 }, { transport })
    await createTestParty(bob)
    const rest = await cid.call(listParties, { cursor: first.page?.next ?? '' }, { transport })
    const ids = [...(first.data as { id: string }[]), ...rest].map(({ id }) => id)
    expect(ids).toEqual(whole)
  })
})
