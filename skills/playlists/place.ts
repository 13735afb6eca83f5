import { evenRanks, rankBetween, rankLengthMax } from './rank-between'

/** An item and where it stands. */
export interface Place {
  itemId: string
  rank: string
}

/**
 * The places that change when an item, new or there already, comes to stand behind `after` (null: first), which must be
 * in `order`: none when it stands there, its own, or everybody's when ranks have become too long.
 */
export function place(order: readonly Place[], itemId: string, after: string | null): Place[] {
  if (after === itemId) return []
  const others = order.filter(other => other.itemId !== itemId)
  const index = after === null ? 0 : others.findIndex(other => other.itemId === after) + 1
  if (order[index]?.itemId === itemId) return []
  const rank = rankBetween(others[index - 1]?.rank ?? null, others[index]?.rank ?? null)
  if (rank.length <= rankLengthMax) return [{ itemId, rank }]
  const ids = others.map(other => other.itemId).toSpliced(index, 0, itemId)
  const ranks = evenRanks(ids.length)
  return ids.map((id, at) => ({ itemId: id, rank: ranks[at] ?? '' }))
}
