/** From and until, in epoch milliseconds. */
export type Span = readonly [fromMs: number, untilMs: number]

/**
 * Takes up to so much of the time within `span` that is not taken yet, the earliest first. Then whatever was truly heard one
 * after the other always finds room, in whatever order it is told: what is told later was heard before a later moment, so
 * the time that is left to it is the time that serves most. And what is given never adds up to more than has passed.
 */
export function takeFree(
  taken: readonly Span[],
  [fromMs, untilMs]: Span,
  wantedMs: number,
): { taken: Span[]; gotMs: number } {
  const added: Span[] = []
  let leftMs = wantedMs
  let at = fromMs
  for (const [start, end] of [...joined(taken), [untilMs, untilMs] as const]) {
    const gotMs = Math.min(Math.min(start, untilMs) - at, leftMs)
    if (gotMs > 0) added.push([at, at + gotMs])
    leftMs -= Math.max(gotMs, 0)
    at = Math.max(at, end)
  }
  return { taken: joined([...taken, ...added]), gotMs: wantedMs - leftMs }
}

/** In order, and with no two that touch. */
function joined(spans: readonly Span[]): Span[] {
  const sorted = [...spans].sort(([one], [other]) => one - other)
  const apart: Span[] = []
  for (const [from, until] of sorted) {
    const last = apart.at(-1)
    if (last !== undefined && from <= last[1]) apart.splice(-1, 1, [last[0], Math.max(last[1], until)])
    else apart.push([from, until])
  }
  return apart
}

/** What is worth being kept: the end of it, and of that so many spans. What lay between older ones counts as taken. */
export function shortened(taken: readonly Span[], sinceMs: number, spansMax: number): Span[] {
  const kept = taken.filter(([, until]) => until > sinceMs)
  const old = kept.slice(0, Math.max(0, kept.length - spansMax + 1))
  const [first, last] = [old.at(0), old.at(-1)]
  return first === undefined || last === undefined ? kept : [[first[0], last[1]], ...kept.slice(old.length)]
}
