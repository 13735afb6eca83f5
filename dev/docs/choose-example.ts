/**
 * The example that shows most; of equal ones the most frequent, then the shortest. The choice depends on the values alone, so
 * that recording again changes little.
 */
export function chooseExample(candidates: readonly unknown[]): unknown {
  const counts = new Map<string, number>()
  for (const value of candidates) {
    const text = JSON.stringify(value)
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  const ranked = [...counts].map(([text, count]) => ({ text, count, score: scoreOf(JSON.parse(text), text.length) }))
  const [best] = ranked.sort(
    (one, other) =>
      other.score - one.score ||
      other.count - one.count ||
      one.text.length - other.text.length ||
      (one.text < other.text ? -1 : 1),
  )
  return best && (JSON.parse(best.text) as unknown)
}

const lengthMax = 2_000

/** How many different fields it fills, less what makes it hard to read: failures and later pages are not typical either. */
function scoreOf(example: unknown, length: number): number {
  const fields = [...fieldsOf(example)]
  const pathsWhere = (fits: (value: unknown) => boolean) =>
    new Set(fields.filter(({ value }) => fits(value)).map(({ path }) => path)).size
  const filled = pathsWhere(value => value !== null) + pathsWhere(Boolean)
  const emptyLists = fields.filter(({ value }) => Array.isArray(value)).length
  const oddTexts = fields.filter(({ value }) => typeof value === 'string' && !readableText.test(value)).length
  const errors = fields.filter(({ path }) => path.includes('.error.')).length
  const cursors = fields.filter(({ path }) => path === '.input.cursor').length
  const excess = Math.max(0, length - lengthMax) / 10
  return filled - 10 * (emptyLists + oddTexts + errors + cursors) - excess
}

/** Tests also send text in other scripts, markup, and text as long as a field allows. */
const readableText = /^[\x20-\x7e’…\n]{0,200}$|^https:/

/** All leaves, without the indexes of lists in their paths; an empty list or object is a leaf. */
function* fieldsOf(value: unknown, path = ''): Generator<{ path: string; value: unknown }> {
  const inner = typeof value === 'object' && value !== null ? Object.entries(value) : []
  if (inner.length === 0) yield { path, value }
  for (const [key, one] of inner) yield* fieldsOf(one, Array.isArray(value) ? `${path}[]` : `${path}.${key}`)
}
