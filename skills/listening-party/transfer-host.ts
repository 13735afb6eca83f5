import { type Context } from '../../kernel/pipeline/context'
import { type Party, PartyMember } from '../../models'
import { loadProfileSummary } from '../user-profile/views'
import { memberChanged } from './events'
import { saveRevision } from './visible-party'
import { viewMember } from './views'

/** Makes a member of a locked party its host; the previous host, if still a member, becomes a co-host. */
export async function transferHost(party: Party, heir: PartyMember, context: Context): Promise<void> {
  const former = await PartyMember.findOne({ where: { partyId: party.id, profileId: party.hostId, bannedAt: null } })
  party.hostId = heir.profileId
  // A host's stored role is 'co-host'; it applies once somebody else is the host.
  for (const member of [former, heir]) {
    if (member === null) continue
    await member.update({ role: 'co-host' })
    await emitRoleChange(party, member, context)
  }
}

export async function emitRoleChange(party: Party, row: PartyMember, { emit }: Context): Promise<void> {
  const member = viewMember(party, row, await loadProfileSummary(row.profileId))
  await emit(memberChanged, { ...(await saveRevision(party)), member, memberCount: party.memberCount })
}
