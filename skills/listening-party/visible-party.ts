import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { refusals } from '../../kernel/pipeline/refusals'
import { Party, PartyMember } from '../../models'
import { hasBlocked } from '../user-profile/views'
import { partyHasEnded } from './refusals'
import { maySeeParty, type PartyRole, roleOf } from './rules'

/** A party and the viewer's role in it; null for a non-member. */
export interface ViewerParty {
  party: Party
  role: PartyRole | null
}

/**
 * A party that the viewer may see. `lock` locks its row until the end of the transaction: every change of the party, its queue
 * or its members takes that lock, which serializes them across nodes.
 * @throws `not_found` when it does not exist, its host blocks the viewer, or the viewer is banned.
 */
export async function visibleParty(
  partyId: string,
  { actor }: Pick<Context<Actor>, 'actor'>,
  { lock = false } = {},
): Promise<ViewerParty> {
  const party = await Party.findByPk(partyId, lock ? { lock: true } : {})
  if (party === null) throw refusals.notFound()
  const row = await PartyMember.findOne({ where: { partyId, profileId: actor.id } })
  const isBanned = row !== null && row.bannedAt !== null
  const isBlockedByHost = party.hostId !== actor.id && (await hasBlocked(party.hostId, actor.id))
  if (!maySeeParty(actor, { isBanned, isBlockedByHost })) throw refusals.notFound()
  return { party, role: row === null || isBanned ? null : roleOf(party, row) }
}

/** @throws `party_ended` */
export function requireOpenParty({ endedAt }: Party): void {
  if (endedAt !== null) throw partyHasEnded()
}
