/**
 * Untrusted text as one displayable line: NFC, no control characters, at most `max` characters; undefined when
 * nothing is left.
 */
export function sanitizeLine(untrusted: string, max: number): string | undefined {
  const clean = untrusted.slice(0, max * 8).replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ')
  const line = Array.from(clean.normalize('NFC').trim()).slice(0, max).join('').trim()
  return /[^\p{Cf}\p{Z}]/u.test(line) ? line : undefined
}
