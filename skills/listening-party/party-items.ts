import { refusals } from '../../kernel/pipeline/refusals'
import { type Party, PartyItem } from '../../models'

/** The items in the queue, in order. */
export const loadQueue = ({ id: partyId }: Party): Promise<PartyItem[]> =>
  PartyItem.findAll({ where: { partyId, leftQueueAt: null }, order: [['queuePosition', 'ASC']] })

/**
 * An item of the party: queued, current, played or removed.
 * @throws `not_found` when the party never had it.
 */
export async function findPartyItem({ id: partyId }: Party, itemId: string): Promise<PartyItem> {
  const item = await PartyItem.findOne({ where: { id: itemId, partyId } })
  if (item === null) throw refusals.notFound()
  return item
}
