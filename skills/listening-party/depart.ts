import { literal } from 'sequelize'
import { type Context } from '../../kernel/context'
import { type Party, PartyMember } from '../../models'
import { direct } from './direct'
import { memberLeft } from './events'
import { handOver } from './hand-over'
import { stamp } from './room'

/**
 * Takes a member out of a locked party. When the host goes, a co-host or else the oldest member hosts on, and the music
 * does not stop; when the last one goes, it pauses.
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
  if (heir === null) throw new Error('a party counts members that it does not have')
  await handOver(party, heir, context)
}
