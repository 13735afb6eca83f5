/**
 * Replaces what differs between two runs of a test or belongs to its machine: hosts, ids, people, instants, tokens, signatures.
 * Equal values stay equal, and distances between instants are kept to the second.
 */
export function anonymizeExample(example: unknown): unknown {
  const shiftMs = firstInstant - Math.min(...instantsIn(example))
  const moved = (ms: number) => firstInstant + Math.round((ms + shiftMs - firstInstant) / 1_000) * 1_000
  const ids = numbered(number => `${idStart}${String(number).padStart(12, '0')}`)
  const handles = numbered(number => handleNames[number - 1] ?? `listener${number}`)

  function replace(value: unknown, key: string): unknown {
    if (typeof value === 'string') return replaceText(value, key)
    if (typeof value === 'number' && isInstant(value)) return timeKey.test(key) ? moved(value) : value + shiftMs
    if (Array.isArray(value)) return value.map(item => replace(item, key))
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(withOwnName(value)).map(([name, inner]) => [replaceIds(name), replace(inner, name)])
    return Object.fromEntries(entries) as unknown
  }

  function replaceText(text: string, key: string): string {
    if (key === 'epoch') return exampleEpoch
    if (instantForm.test(text)) return new Date(moved(Date.parse(text))).toISOString()
    if (dayForm.test(text)) return new Date(moved(Date.parse(text))).toISOString().slice(0, text.length)
    if (handleKeys.has(key) && !text.startsWith('http') && replaceIds(text) === text) return handles(text)
    if (/^https?:\/\//.test(text)) return replaceUrl(new URL(text))
    return replaceIds(text).replace(base64Form, placeholder).replace(secretForm, placeholder)
  }

  function replaceUrl({ pathname, searchParams }: URL): string {
    const host = pathname.startsWith('/api/') ? 'api.example.com' : 'media.example.com'
    const path = replaceIds(pathname).replace(bucketForm, '/tutti-media/').replace(hourForm, exampleHour)
    const names = [...searchParams.keys()].filter(name => !signedParameter.test(name))
    const query = names.map(name => `${name}=EXAMPLE`).join('&')
    return `https://${host}${path.replace(secretForm, placeholder)}${query === '' ? '' : `?${query}`}`
  }

  /** A test person's name comes from the handle, so it is replaced with it; other names stay. */
  function withOwnName(value: object): object {
    const { handle, displayName } = value as { handle?: unknown; displayName?: unknown }
    if (typeof handle !== 'string' || typeof displayName !== 'string') return value
    if (!displayName.toLowerCase().startsWith(handle.slice(0, 3).toLowerCase())) return value
    const name = handles(handle)
    return { ...value, displayName: `${name.charAt(0).toUpperCase()}${name.slice(1)}` }
  }

  const replaceIds = (text: string): string => text.replace(idForm, ids)

  return replace(example, '')
}

const firstInstant = Date.parse('2026-05-01T12:00:00.000Z')
const exampleHour = '2026-05-01T13'
const exampleEpoch = '8f3k'
const idStart = '01900000-0000-7000-8000-'
const handleKeys: ReadonlySet<string> = new Set(['handle', 'handleOrId'])
const handleNames = ['ann', 'ben', 'cleo', 'dana', 'emil', 'fay']

const idForm = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const instantForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/
const dayForm = /^\d{4}-\d\d-\d\d$/
const timeKey = /(At|Ms)$/
/** Of the test's bucket, the first segment of a path. */
const bucketForm = /^\/[\w-]{20,}\//
/** What the signature of an S3 URL covers: a line of text that says nothing to a reader. */
const signedParameter = /^(x-amz-(?!signature$)|x-id$|response-)/i
/** Signed playlists are stored below the hour in which they expire. */
const hourForm = /\b\d{4}-\d\d-\d\dT\d\d\b/g
const base64Form = /^[\w+/]{40,}={0,2}$/
/** Tokens, cursors, hashes and signatures: long, and with digits, unlike words. */
const secretForm = /(?=[\w-]*\d)[\w-]{20,}(\.[\w-]{20,})*/g

/** As long as what it replaces and of the same characters, so that it matches the same schema. */
function placeholder(secret: string): string {
  if (secret.startsWith(idStart)) return secret
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
  if (typeof value === 'string' && (instantForm.test(value) || dayForm.test(value))) yield Date.parse(value)
  if (typeof value === 'number' && isInstant(value)) yield value
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) yield* instantsIn(inner)
}
