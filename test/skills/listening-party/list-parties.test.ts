import { Block } from '../../../models'
import { endParty } from '../../../skills/listening-party/end-party'
import { joinParty } from '../../../skills/listening-party/join-party'
import { leaveParty } from '../../../skills/listening-party/leave-party'
import { listParties } from '../../../skills/listening-party/list-parties'
import { openParty } from '../../../skills/listening-party/open-party'
import { playParty } from '../../../skills/listening-party/play-party'
import { removeMember } from '../../../skills/listening-party/remove-member'
import { makeTrack } from '../../factories'
import { doors, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { aParty } from './a-party'

let world: TestWorld
let ann: Person
let bob: Person
let cid: Person
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann')
  bob = await world.person('bob')
  cid = await world.person('cid')
})
afterAll(() => world[Symbol.asyncDispose]())

describe.each(doors)('the list of parties over %s', door => {
  const listed = async (viewer: Person) => (await viewer.call(listParties, {}, { door })).map(({ id }) => id)

  it('shows what the viewer may join, the newest first', async () => {
    const first = (await aParty(ann)).party.id
    const second = (await aParty(bob, [60_000], [cid])).party.id
    await bob.call(playParty, { partyId: second })
    expect((await listed(ann)).slice(0, 2)).toEqual([second, first])
    const [row] = await cid.call(listParties, { limit: 1 }, { door })
    expect(row).toMatchObject({ id: second, host: { id: bob.id }, isPlaying: true, viewer: { role: 'listener' } })
  })

  it('hides what is full, over, empty, or closed to the viewer', async () => {
    const { id: trackId } = await makeTrack(ann.id)
    const small = (await ann.call(openParty, { title: 'Small', trackId, capacity: 2 })).party.id
    await bob.call(joinParty, { partyId: small })
    expect(await listed(bob)).toContain(small)
    expect(await listed(cid)).not.toContain(small)

    const ended = (await aParty(ann)).party.id
    await ann.call(endParty, { partyId: ended })
    const empty = (await aParty(ann)).party.id
    await ann.call(leaveParty, { partyId: empty })
    const closed = (await aParty(ann)).party.id
    await ann.call(removeMember, { partyId: closed, profileId: cid.id, ban: true })
    const shown = await listed(cid)
    for (const hidden of [ended, empty, closed]) expect(shown).not.toContain(hidden)

    const dan = await world.person(`dan-${door}`)
    const party = (await aParty(dan)).party.id
    expect(await listed(cid)).toContain(party)
    await Block.create({ blockerId: dan.id, blockedId: cid.id, createdAt: new Date() })
    expect(await listed(cid)).not.toContain(party)
  })

  it('goes on where it was while new parties open', async () => {
    for (let opened = 0; opened < 3; opened += 1) await aParty(bob)
    const whole = await listed(cid)
    const first = await cid.ask(listParties, { limit: 2 }, { door })
    await aParty(bob)
    const rest = await cid.call(listParties, { cursor: first.page?.next ?? '' }, { door })
    const ids = [...(first.data as { id: string }[]), ...rest].map(({ id }) => id)
    expect(ids).toEqual(whole)
  })
})
