/**
 * The example that shows most in the least text. The choice depends on the values alone, so that recording again changes
 * little.
 */
export function chooseExample(candidates: readonly unknown[]): unknown {
  const ranked = candidates.map(value => ({ value, text: JSON.stringify(value), score: scoreOf(value) }))
  const [best] = ranked.sort(
    (one, other) => other.score - one.score || one.text.length - other.text.length || (one.text < other.text ? -1 : 1),
  )
  return best?.value
}

const lengthMax = 2_000

/** How many different fields it fills, less what makes it hard to read. */
function scoreOf(example: unknown): number {
  const fields = [...fieldsOf(example)]
  const filled = new Set(fields.filter(({ value }) => value !== null).map(({ path }) => path)).size
  const emptyLists = fields.filter(({ value }) => Array.isArray(value)).length
  const oddTexts = fields.filter(({ value }) => typeof value === 'string' && !readableText.test(value)).length
  const excess = Math.max(0, JSON.stringify(example).length - lengthMax) / 20
  return filled - 5 * emptyLists - 5 * oddTexts - excess
}

/** Tests also send text in other scripts, markup, and text as long as a field allows. */
const readableText = /^[\x20-\x7e’…\n]{0,200}$|^https:/

/** All leaves, without the indexes of lists in their paths; an empty list or object is a leaf. */
function* fieldsOf(value: unknown, path = ''): Generator<{ path: string; value: unknown }> {
  const inner = typeof value === 'object' && value !== null ? Object.entries(value) : []
  if (inner.length === 0) yield { path, value }
  for (const [key, one] of inner) yield* fieldsOf(one, Array.isArray(value) ? `${path}[]` : `${path}.${key}`)
}
