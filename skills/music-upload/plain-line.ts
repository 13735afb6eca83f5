/** Foreign text as one line that is fit to be shown: NFC, no control characters, at most `max` of them; or undefined. */
export function plainLine(foreign: string, max: number): string | undefined {
  const clean = foreign.slice(0, max * 8).replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ')
  const kept = Array.from(clean.normalize('NFC').trim()).slice(0, max).join('').trim()
  return /[^\p{Cf}\p{Z}]/u.test(kept) ? kept : undefined
}
