/** Start and end, in epoch milliseconds. */
export type TimeSpan = readonly [fromMs: number, untilMs: number]

/**
 * Allocates up to `wantedMs` of the time within `span` that is not claimed yet, earliest first. Tracks that were really played
 * one after the other then always find enough free time, in whatever order they are reported, because a later report allows
 * later time. The allocated time never exceeds the time that has passed.
 */
export function claimFreeTime(
  claimed: readonly TimeSpan[],
  [fromMs, untilMs]: TimeSpan,
  wantedMs: number,
): { claimed: TimeSpan[]; claimedMs: number } {
  const added: TimeSpan[] = []
  let leftMs = wantedMs
  let at = fromMs
  for (const [start, end] of [...merged(claimed), [untilMs, untilMs] as const]) {
    const freeMs = Math.min(Math.min(start, untilMs) - at, leftMs)
    if (freeMs > 0) added.push([at, at + freeMs])
    leftMs -= Math.max(freeMs, 0)
    at = Math.max(at, end)
  }
  return { claimed: merged([...claimed, ...added]), claimedMs: wantedMs - leftMs }
}

/** Sorted, with overlapping and touching spans merged. */
function merged(spans: readonly TimeSpan[]): TimeSpan[] {
  const sorted = [...spans].sort(([one], [other]) => one - other)
  const result: TimeSpan[] = []
  for (const [from, until] of sorted) {
    const last = result.at(-1)
    if (last !== undefined && from <= last[1]) result.splice(-1, 1, [last[0], Math.max(last[1], until)])
    else result.push([from, until])
  }
  return result
}

/** Drops spans that ended before `sinceMs` and merges the oldest, with the gaps between them, down to `spansMax` spans. */
export function compactSpans(claimed: readonly TimeSpan[], sinceMs: number, spansMax: number): TimeSpan[] {
  const kept = claimed.filter(([, until]) => until > sinceMs)
  const old = kept.slice(0, Math.max(0, kept.length - spansMax + 1))
  const [first, last] = [old.at(0), old.at(-1)]
  return first === undefined || last === undefined ? kept : [[first[0], last[1]], ...kept.slice(old.length)]
}
