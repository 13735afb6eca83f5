import { evenRanks, rankBetween, rankLengthMax } from './rank-between'

/** An item's rank in its playlist. */
export interface ItemRank {
  itemId: string
  rank: string
}

/**
 * The ranks that change when a new or existing item is placed after `after` (null: first), which must be in `order`: none if
 * it is there already, its own, or all of them when the ranks have become too long.
 */
export function ranksAfterMove(order: readonly ItemRank[], itemId: string, after: string | null): ItemRank[] {
  if (after === itemId) return []
  const others = order.filter(other => other.itemId !== itemId)
  const index = after === null ? 0 : others.findIndex(other => other.itemId === after) + 1
  if (order[index]?.itemId === itemId) return []
  const rank = rankBetween(others[index - 1]?.rank ?? null, others[index]?.rank ?? null)
  if (rank.length <= rankLengthMax) return [{ itemId, rank }]
  const ids = others.map(other => other.itemId).toSpliced(index, 0, itemId)
  const ranks = evenRanks(ids.length)
  return ids.map((id, position) => ({ itemId: id, rank: ranks[position] ?? '' }))
}
