import { isModerator } from '../../kernel/actor'
import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { PartyMember } from '../../models'
import { profileSummaryOf } from '../user-profile/views'
import { direct } from './direct'
import { memberJoined } from './events'
import { partyFull, partyOver } from './refusals'
import { refuseEnded, stamp, visibleParty } from './room'
import { roleOf } from './rules'
import { snapshotOf } from './snapshot'
import { snapshotView, viewMember } from './views'

export const joinParty = operation({
  name: 'listening-party.joinParty',
  route: 'PUT /parties/:partyId/membership',
  summary: 'Join a party; whoever comes into an empty one hosts it. Joining again changes nothing.',
  who: 'signed-in',
  input: shape({ partyId: id }),
  output: snapshotView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [partyFull, partyOver],

  async load({ partyId }, context) {
    const room = await visibleParty(partyId, context, { lock: true })
    refuseEnded(room.party)
    return room
  },

  allow: () => true,

  async run({ subject: room, actor }, context) {
    const { party } = room
    if (room.role === null) {
      if (party.memberCount >= party.capacity && !isModerator(actor)) throw partyFull()
      if (party.memberCount === 0) party.hostId = actor.id
      const member = await enter(party.id, actor.id, context.now)
      party.memberCount += 1
      const entered = { member: viewMember(party, member, await profileSummaryOf(actor.id)) }
      await context.emit(memberJoined, { ...(await stamp(party)), ...entered, memberCount: party.memberCount })
      room.role = roleOf(party, member)
    }
    // Whoever arrives after an outage of the workers finds the party where it would be without one.
    await direct(party, { kind: 'catch-up' }, context)
    return snapshotOf(room, context)
  },
})

/** A moderator may come back in spite of a ban. */
async function enter(partyId: string, profileId: string, joinedAt: Date): Promise<PartyMember> {
  const [member] = await PartyMember.upsert({ partyId, profileId, role: 'listener', joinedAt, bannedAt: null })
  return member
}
