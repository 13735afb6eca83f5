import { verify, type KeyObject } from 'node:crypto'
import { cannedPolicy, parsePolicy, permits } from './policy'

/** The parts of a request its signature is about: the URL as the viewer sent it, scheme and host included, nothing re-encoded. */
export interface SignedRequest {
  url: string
  cookie?: string | undefined
  ip: string
}

/** Why a request is refused, in CloudFront's own error codes. */
export type Refusal = 'MissingKey' | 'InvalidKey' | 'MalformedSignature' | 'MalformedPolicy' | 'AccessDenied'

/**
 * Judges a signed URL or signed cookies as CloudFront does: canned and custom policies, RSA and ECDSA keys, SHA-1 (the default) and
 * SHA-256. A URL that carries any CloudFront parameter is judged by these alone, whatever its cookies say.
 * `now` is in epoch milliseconds. Never throws, whatever the request holds.
 */
export function verifySigned(
  { url, cookie, ip }: SignedRequest,
  keys: ReadonlyMap<string, KeyObject>,
  now: number,
): 'ok' | Refusal {
  const { bare, parameters } = separate(url)
  const proof = parameters.size > 0 ? parameters : fromCookies(cookie ?? '')

  const keyId = proof.get('Key-Pair-Id')
  if (!keyId) return 'MissingKey'
  const key = keys.get(keyId)
  if (!key) return 'InvalidKey'
  const signature = decode(proof.get('Signature'))
  if (!signature) return 'MalformedSignature'
  const hash = hashes.get(proof.get('Hash-Algorithm') ?? 'SHA1')
  if (!hash) return 'AccessDenied'

  const text = policyText(bare, proof)
  if (text === undefined) return 'MalformedPolicy'
  if (!isGenuine(hash, text, key, signature)) return 'AccessDenied'
  const policy = parsePolicy(text)
  if (!policy) return 'MalformedPolicy'
  return permits(policy, { url: bare, ip, now }) ? 'ok' : 'AccessDenied'
}

const names = ['Expires', 'Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm']
const hashes = new Map([
  ['SHA1', 'sha1'],
  ['SHA256', 'sha256'],
])

/**
 * Takes CloudFront's parameters out of the raw query and leaves every other byte alone: what was signed is the text of the URL, so
 * parsing and printing it again (%20 to +) would break a good signature.
 */
function separate(url: string): { bare: string; parameters: ReadonlyMap<string, string> } {
  const start = url.indexOf('?')
  if (start < 0) return { bare: url, parameters: new Map() }
  const parameters = new Map<string, string>()
  const others: string[] = []
  for (const pair of url.slice(start + 1).split('&')) {
    const [name, value] = halves(pair)
    if (names.includes(name)) parameters.set(name, value)
    else others.push(pair)
  }
  if (parameters.size === 0) return { bare: url, parameters }
  return { bare: url.slice(0, start) + (others.length > 0 ? `?${others.join('&')}` : ''), parameters }
}

function fromCookies(header: string): ReadonlyMap<string, string> {
  const prefix = 'CloudFront-'
  const pairs = header
    .split(';')
    .map(pair => halves(pair.trim()))
    .filter(([name]) => name.startsWith(prefix) && names.includes(name.slice(prefix.length)))
    .map(([name, value]): [string, string] => [name.slice(prefix.length), value])
  // A browser sends the cookie with the longest path first; reversed, that one is what the map keeps.
  return new Map(pairs.reverse())
}

function halves(pair: string): [name: string, value: string] {
  const split = pair.indexOf('=')
  return split < 0 ? [pair, ''] : [pair.slice(0, split), pair.slice(split + 1)]
}

function policyText(bare: string, proof: ReadonlyMap<string, string>): string | undefined {
  const custom = proof.get('Policy')
  if (custom !== undefined) return decode(custom)?.toString('utf8')
  const expires = proof.get('Expires') ?? ''
  // The digits go into the signed text as they were sent, so that "0123" is not the same as "123".
  return /^\d{1,15}$/.test(expires) ? cannedPolicy(bare, expires) : undefined
}

/** CloudFront's base64: `-`, `_` and `~` stand where `+`, `=` and `/` would need escaping in a URL. */
function decode(value: string | undefined): Buffer | undefined {
  if (!value || !/^[A-Za-z0-9~-]+_{0,2}$/.test(value)) return undefined
  return Buffer.from(value.replaceAll('-', '+').replaceAll('~', '/').replaceAll('_', '='), 'base64')
}

function isGenuine(hash: string, text: string, key: KeyObject, signature: Buffer): boolean {
  try {
    return verify(hash, Buffer.from(text), key, signature)
  } catch {
    return false
  }
}
