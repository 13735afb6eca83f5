import { type CounterChange } from '../../kernel/events/counter-change'
import { type ReactionChange } from './track-counter'

/** The net effect of one person's likes and unlikes, or reposts and unreposts, of a track within a batch. */
export interface NetReaction {
  trackId: string
  actorId: string
  kind: 'liked' | 'reposted'
  /** False if it was withdrawn. */
  added: boolean
}

/** Sums the changes per person, track and kind, in the order of the last change; leaves out those that cancel out. */
export function collapseReactions(changes: readonly CounterChange<ReactionChange>[]): NetReaction[] {
  const sums = new Map<string, Omit<NetReaction, 'added'> & { sum: number }>()
  for (const { targetId: trackId, change } of changes) {
    const { actorId, likes, reposts } = change
    if (actorId === undefined) continue
    for (const [kind, by] of [['liked', likes] as const, ['reposted', reposts] as const]) {
      if (by === undefined) continue
      const key = `${kind} ${trackId} ${actorId}`
      const sum = (sums.get(key)?.sum ?? 0) + by
      // Delete first: the map keeps insertion order, so the entry moves to the end.
      sums.delete(key)
      sums.set(key, { trackId, actorId, kind, sum })
    }
  }
  return [...sums.values()]
    .filter(({ sum }) => sum !== 0)
    .map(({ sum, ...reaction }) => ({ ...reaction, added: sum > 0 }))
}
