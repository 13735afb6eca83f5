/**
 * Replaces what differs between two runs of a test or belongs to its machine: hosts, ids, instants, tokens, signatures. Equal
 * values stay equal, and distances between instants are kept to the second.
 */
export function anonymizeExample(example: unknown): unknown {
  const instants = [...instantsIn(example)]
  const shiftMs = firstInstant - Math.min(...instants)
  const moved = (ms: number) => firstInstant + Math.round((ms + shiftMs - firstInstant) / 1_000) * 1_000
  const ids = numbered(number => `01900000-0000-7000-8000-${String(number).padStart(12, '0')}`)
  const handles = numbered(number => handleNames[number - 1] ?? `listener${number}`)

  function replace(value: unknown, key: string): unknown {
    if (typeof value === 'string') return replaceText(value, key)
    if (typeof value === 'number') return isInstant(value) ? moved(value) : value
    if (Array.isArray(value)) return value.map(item => replace(item, key))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [replaceText(name, ''), replace(inner, name)]),
    )
  }

  function replaceText(text: string, key: string): string {
    if (key === 'epoch') return exampleEpoch
    if (instantForm.test(text)) return new Date(moved(Date.parse(text))).toISOString()
    if (handleKeys.has(key) && !idForm.test(text)) return handles(text)
    if (/^https?:\/\//.test(text)) return replaceUrl(text)
    return text.replace(idForm, ids).replace(secretForm, placeholder)
  }

  function replaceUrl(text: string): string {
    const { pathname, searchParams } = new URL(text)
    const host = pathname.startsWith('/api/') ? 'api.example.com' : 'media.example.com'
    const path = pathname.replace(idForm, ids).replace(secretForm, placeholder)
    const query = [...searchParams.keys()].map(name => `${name}=EXAMPLE`).join('&')
    return `https://${host}${path}${query === '' ? '' : `?${query}`}`
  }

  return replace(example, '')
}

const firstInstant = Date.parse('2026-05-01T12:00:00.000Z')
const exampleEpoch = '8f3k'
const handleKeys: ReadonlySet<string> = new Set(['handle', 'handleOrId'])
const handleNames = ['ann', 'ben', 'cleo', 'dana', 'emil', 'fay']

const idForm = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const instantForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/
/** Tokens, cursors, hashes and signatures: long, and with digits, unlike words. */
const secretForm = /(?=[\w-]*\d)[\w-]{20,}(\.[\w-]{20,})*/g

/** As long as what it replaces and of the same characters, so that it matches the same schema. */
function placeholder(secret: string): string {
  if (/^0{8}|^01900000-/.test(secret)) return secret
  const letters = /^[0-9a-f]+$/.test(secret) ? '0123456789abcdef' : 'EXAMPLE'
  return letters.repeat(Math.ceil(secret.length / letters.length)).slice(0, Math.min(secret.length, 64))
}

/** The n-th new value becomes `name(n)`. */
function numbered(name: (number: number) => string): (value: string) => string {
  const known = new Map<string, string>()
  return value => {
    const found = known.get(value) ?? name(known.size + 1)
    known.set(value, found)
    return found
  }
}

const isInstant = (value: number): boolean => value > 1.2e12 && value < 5e12

function* instantsIn(value: unknown): Generator<number> {
  if (typeof value === 'string' && instantForm.test(value)) yield Date.parse(value)
  if (typeof value === 'number' && isInstant(value)) yield value
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) yield* instantsIn(inner)
}
