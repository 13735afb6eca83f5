import { type Context } from '../../kernel/pipeline/context'
import { type Party, PartyMember } from '../../models'
import { loadProfileSummary } from '../user-profile/views'
import { memberChanged } from './events'
import { saveRevision } from './save-revision'
import { viewMember } from './views'

/** Makes a member of a locked party its host; the old host, if still a member, becomes a co-host. */
export async function transferHost(party: Party, newHost: PartyMember, context: Context): Promise<void> {
  const oldHost = await PartyMember.findOne({ where: { partyId: party.id, profileId: party.hostId, bannedAt: null } })
  party.hostId = newHost.profileId
  // The new host gets the stored role 'co-host' too; it applies once somebody else is the host (`roleOf`).
  for (const member of [oldHost, newHost]) {
    if (member === null) continue
    await member.update({ role: 'co-host' })
    await emitRoleChange(party, member, context)
  }
}

/** Emits `memberChanged` for a member of a locked party, whose row has been updated. */
export async function emitRoleChange(party: Party, row: PartyMember, { emit }: Context): Promise<void> {
  const member = viewMember(party, row, await loadProfileSummary(row.profileId))
  await emit(memberChanged, { ...(await saveRevision(party)), member, memberCount: party.memberCount })
}
