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
  summary: 'Give a member another role. A host who makes somebody else the host becomes a co-host.',
  who: 'signed-in',
  input: shape({ partyId: id, profileId: id, role: partyRole }),
  output: memberView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [hostNeeded, partyOver],

  async load({ partyId, profileId, role: wanted }, context) {
    const { party, role } = await visibleParty(partyId, context, { lock: true })
    refuseEnded(party)
    const member = await PartyMember.findOne({ where: { partyId, profileId, bannedAt: null } })
    if (member === null) throw refusals.notFound()
    return { party, role, member, had: roleOf(party, member), wanted }
  },

  allow: (_actor, { role, had, wanted }) => mayAssign(role, had, wanted),

  async run({ subject: { party, member, had, wanted } }, context) {
    if (had !== wanted) {
      if (had === 'host') throw hostNeeded()
      if (wanted === 'host') await handOver(party, member, context)
      else {
        await member.update({ role: wanted })
        await announceRole(party, member, context)
      }
    }
    return viewMember(party, member, await profileSummaryOf(member.profileId))
  },
})
