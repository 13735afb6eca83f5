import { literal } from 'sequelize'
import { type Context } from '../../kernel/pipeline/context'
import { type Party, PartyMember } from '../../models'
import { applyPlaybackAction } from './apply-playback-action'
import { memberLeft } from './events'
import { transferHost } from './transfer-host'
import { saveRevision } from './save-revision'

/**
 * Removes a member from a locked party. If it is the host, a co-host, or else the member who joined first, becomes the host and
 * playback continues; if it is the last member, playback pauses.
 */
export async function removeMember(
  party: Party,
  profileId: string,
  reason: 'left' | 'kicked' | 'banned',
  context: Context,
): Promise<void> {
  const where = { partyId: party.id, profileId }
  if (reason === 'banned') await PartyMember.update({ bannedAt: context.now }, { where })
  else await PartyMember.destroy({ where })
  party.memberCount -= 1
  const left = { profileId, reason, memberCount: party.memberCount }
  await context.emit(memberLeft, { ...(await saveRevision(party)), ...left })

  if (party.memberCount === 0 && party.status === 'playing')
    await applyPlaybackAction(party, { kind: 'pause' }, context)
  if (party.memberCount > 0 && party.hostId === profileId) await transferHostToHeir(party, context)
}

async function transferHostToHeir(party: Party, context: Context): Promise<void> {
  const heir = await PartyMember.findOne({
    where: { partyId: party.id, bannedAt: null },
    order: [[literal(`role = 'co-host'`), 'DESC'], 'joinedAt', 'profileId'],
  })
  if (heir === null) throw new Error('the member count of a party is above 0, but it has no members')
  await transferHost(party, heir, context)
}
