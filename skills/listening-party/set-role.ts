import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { id, shape } from '../../kernel/schema'
import { PartyMember } from '../../models'
import { profileSummaryOf } from '../user-profile/views'
import { announceRole, handOver } from './hand-over'
import { hostNeeded, partyOver } from './refusals'
import { refuseEnded, visibleParty } from './room'
import { mayAssign, roleOf } from './rules'
import { memberView, partyRole, viewMember } from './views'

export const setRole = operation({
  name: 'listening-party.setRole',
  route: 'PUT /parties/:partyId/members/:profileId/role',
  summary: "Set a party member's role",
  description: 'A host who makes another member the host becomes a co-host.',
  who: 'signed-in',
  input: shape({ partyId: id, profileId: id, role: partyRole }),
  output: memberView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [hostNeeded, partyOver],

  async load({ partyId, profileId, role: newRole }, context) {
    const { party, role } = await visibleParty(partyId, context, { lock: true })
    refuseEnded(party)
    const member = await PartyMember.findOne({ where: { partyId, profileId, bannedAt: null } })
    if (member === null) throw refusals.notFound()
    return { party, role, member, oldRole: roleOf(party, member), newRole }
  },

  allow: (_actor, { role, oldRole, newRole }) => mayAssign(role, oldRole, newRole),

  async run({ subject: { party, member, oldRole, newRole } }, context) {
    if (oldRole !== newRole) {
      if (oldRole === 'host') throw hostNeeded()
      if (newRole === 'host') await handOver(party, member, context)
      else {
        await member.update({ role: newRole })
        await announceRole(party, member, context)
      }
    }
    return viewMember(party, member, await profileSummaryOf(member.profileId))
  },
})
