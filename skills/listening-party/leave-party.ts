import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { done, id, doneAnswer, shape } from '../../kernel/pipeline/schema'
import { Party, PartyMember } from '../../models'
import { removeMember } from './remove-member'
import { visibleParty } from './visible-party'

export const leaveParty = operation({
  name: 'listening-party.leaveParty',
  route: 'DELETE /parties/:partyId/membership',
  summary: 'Leave a party',
  auth: 'signed-in',
  input: shape({ partyId: id }),
  output: done,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  /** A member may always leave, even if the host has blocked them: check visibility for non-members only. */
  async load({ partyId }, context) {
    const party = await Party.findByPk(partyId, { lock: true })
    if (party === null) throw refusals.notFound()
    const member = await PartyMember.findOne({ where: { partyId, profileId: context.actor.id, bannedAt: null } })
    if (member === null) await visibleParty(partyId, context)
    return { party, isMember: member !== null }
  },

  allow: () => true,

  async run({ subject: { party, isMember }, actor }, context) {
    if (isMember) await removeMember(party, actor.id, 'left', context)
    return doneAnswer
  },
})
