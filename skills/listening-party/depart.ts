import { literal } from 'sequelize'
import { type Context } from '../../kernel/context'
import { type Party, PartyMember } from '../../models'
import { direct } from './direct'
import { memberLeft } from './events'
import { handOver } from './hand-over'
import { stamp } from './room'

/**
 * Removes a member from a locked party. If it is the host, a co-host or else the longest-standing member becomes the host and
 * playback continues; if it is the last member, playback pauses.
 */
export async function depart(
  party: Party,
  profileId: string,
  why: 'left' | 'removed' | 'banned',
  context: Context,
): Promise<void> {
  const where = { partyId: party.id, profileId }
  if (why === 'banned') await PartyMember.update({ bannedAt: context.now }, { where })
  else await PartyMember.destroy({ where })
  party.memberCount -= 1
  const left = { profileId, why, memberCount: party.memberCount }
  await context.emit(memberLeft, { ...(await stamp(party)), ...left })

  if (party.memberCount === 0 && party.status === 'playing') await direct(party, { kind: 'pause' }, context)
  if (party.memberCount > 0 && party.hostId === profileId) await handOverToHeir(party, context)
}

async function handOverToHeir(party: Party, context: Context): Promise<void> {
  const heir = await PartyMember.findOne({
    where: { partyId: party.id, bannedAt: null },
    order: [[literal(`role = 'co-host'`), 'DESC'], 'joinedAt', 'profileId'],
  })
  if (heir === null) throw new Error('the member count of a party is above 0, but it has no members')
  await handOver(party, heir, context)
}
