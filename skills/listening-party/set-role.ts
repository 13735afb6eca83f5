import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { id, shape } from '../../kernel/pipeline/schema'
import { PartyMember } from '../../models'
import { loadProfileSummary } from '../user-profile/views'
import { emitRoleChange, transferHost } from './transfer-host'
import { hostRequired, partyHasEnded } from './refusals'
import { requireOpenParty, visibleParty } from './visible-party'
import { mayAssign, roleOf } from './rules'
import { memberView, partyRole, viewMember } from './views'

export const setRole = operation({
  name: 'listening-party.setRole',
  route: 'PUT /parties/:partyId/members/:profileId/role',
  summary: "Set a party member's role",
  description: 'A host who makes another member the host becomes a co-host.',
  auth: 'signed-in',
  input: shape({ partyId: id, profileId: id, role: partyRole }),
  output: memberView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [hostRequired, partyHasEnded],

  async load({ partyId, profileId, role: newRole }, context) {
    const { party, role } = await visibleParty(partyId, context, { lock: true })
    requireOpenParty(party)
    const member = await PartyMember.findOne({ where: { partyId, profileId, bannedAt: null } })
    if (member === null) throw refusals.notFound()
    return { party, role, member, oldRole: roleOf(party, member), newRole }
  },

  allow: (_actor, { role, oldRole, newRole }) => mayAssign(role, oldRole, newRole),

  async run({ subject: { party, member, oldRole, newRole } }, context) {
    if (oldRole !== newRole) {
      if (oldRole === 'host') throw hostRequired()
      if (newRole === 'host') await transferHost(party, member, context)
      else {
        await member.update({ role: newRole })
        await emitRoleChange(party, member, context)
      }
    }
    return viewMember(party, member, await loadProfileSummary(member.profileId))
  },
})
