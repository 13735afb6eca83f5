import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { refusals } from '../../kernel/refusals'
import { Party, PartyItem, PartyMember } from '../../models'
import { hasBlocked } from '../user-profile/views'
import { partyOver } from './refusals'
import { mayKnowOfParty, type PartyRole, roleOf } from './rules'

/** A party as one person finds it. `role` is null for somebody who is not in it. */
export interface Room {
  party: Party
  role: PartyRole | null
}

/**
 * A party that the viewer may know of. With `lock` its row is held until the end of the transaction: every change of
 * the party, its queue or its members goes through that lock, so that they happen one after the other on all nodes.
 * @throws `not_found` when there is none, its host blocked the viewer, or the viewer was banned.
 */
export async function visibleParty(
  partyId: string,
  { actor }: Pick<Context<Actor>, 'actor'>,
  { lock = false } = {},
): Promise<Room> {
  const party = await Party.findByPk(partyId, lock ? { lock: true } : {})
  if (party === null) throw refusals.notFound()
  const row = await PartyMember.findOne({ where: { partyId, profileId: actor.id } })
  const isBanned = row !== null && row.bannedAt !== null
  const isBlockedByHost = party.hostId !== actor.id && (await hasBlocked(party.hostId, actor.id))
  if (!mayKnowOfParty(actor, { isBanned, isBlockedByHost })) throw refusals.notFound()
  return { party, role: row === null || isBanned ? null : roleOf(party, row) }
}

/** @throws `party_ended` */
export function refuseEnded({ endedAt }: Party): void {
  if (endedAt !== null) throw partyOver()
}

/** What waits in the queue, in its order. */
export const waitingIn = ({ id: partyId }: Party): Promise<PartyItem[]> =>
  PartyItem.findAll({ where: { partyId, takenAt: null }, order: [['place', 'ASC']] })

/** @throws `not_found` when it was never in the queue of this party. */
export async function itemOf({ id: partyId }: Party, itemId: string): Promise<PartyItem> {
  const item = await PartyItem.findOne({ where: { id: itemId, partyId } })
  if (item === null) throw refusals.notFound()
  return item
}

/** The next revision of a locked party, with whatever else was set on its row: the head of each of its events. */
export async function stamp(party: Party): Promise<{ partyId: string; rev: number }> {
  party.rev += 1
  await party.save()
  return { partyId: party.id, rev: party.rev }
}
