import { type Waiting } from '../../kernel/tally'
import { type Step } from './track-tally'

/** What somebody did with a track in the end, whatever they did meanwhile. */
export interface NetAct {
  trackId: string
  actorId: string
  kind: 'liked' | 'reposted'
  /** False when it was taken back. */
  done: boolean
}

/** Who did and who undid what, in the order of the last time; whoever is where they were before is left out. */
export function netActs(waiting: readonly Waiting<Step>[]): NetAct[] {
  const sums = new Map<string, Omit<NetAct, 'done'> & { sum: number }>()
  for (const { targetId: trackId, change } of waiting) {
    const { actorId, likes, reposts } = change
    if (actorId === undefined) continue
    for (const [kind, by] of [['liked', likes] as const, ['reposted', reposts] as const]) {
      if (by === undefined) continue
      const key = `${kind} ${trackId} ${actorId}`
      const sum = (sums.get(key)?.sum ?? 0) + by
      // Deleted first, so that it stands at the end.
      sums.delete(key)
      sums.set(key, { trackId, actorId, kind, sum })
    }
  }
  return [...sums.values()].filter(({ sum }) => sum !== 0).map(({ sum, ...act }) => ({ ...act, done: sum > 0 }))
}
