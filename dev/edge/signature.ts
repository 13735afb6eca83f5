import { verify, type KeyObject } from 'node:crypto'
import { cannedPolicy, parsePolicy, allows } from './policy'

/** The signed parts of a request. `url` is what the viewer sent, with scheme and host, not re-encoded. */
export interface SignedRequest {
  url: string
  cookie?: string | undefined
  ip: string
}

/** CloudFront's error codes for a refused request. */
export type SignatureErrorCode = 'MissingKey' | 'InvalidKey' | 'MalformedSignature' | 'MalformedPolicy' | 'AccessDenied'

/**
 * Verifies a signed URL or signed cookies as CloudFront does: canned and custom policies, RSA and ECDSA keys, SHA-1 (the
 * default) and SHA-256. Ignores the cookies if the URL has any CloudFront parameter.
 * `now` is in epoch milliseconds. Never throws.
 */
export function verifySignature(
  { url, cookie, ip }: SignedRequest,
  keys: ReadonlyMap<string, KeyObject>,
  now: number,
): 'ok' | SignatureErrorCode {
  const { baseUrl, parameters } = splitParameters(url)
  const fields = parameters.size > 0 ? parameters : fromCookies(cookie ?? '')

  const keyId = fields.get('Key-Pair-Id')
  if (!keyId) return 'MissingKey'
  const key = keys.get(keyId)
  if (!key) return 'InvalidKey'
  const signature = decode(fields.get('Signature'))
  if (!signature) return 'MalformedSignature'
  const hash = hashes.get(fields.get('Hash-Algorithm') ?? 'SHA1')
  if (!hash) return 'AccessDenied'

  const text = policyText(baseUrl, fields)
  if (text === undefined) return 'MalformedPolicy'
  if (!isGenuine(hash, text, key, signature)) return 'AccessDenied'
  const policy = parsePolicy(text)
  if (!policy) return 'MalformedPolicy'
  return allows(policy, { url: baseUrl, ip, now }) ? 'ok' : 'AccessDenied'
}

const names = ['Expires', 'Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm']
const hashes = new Map([
  ['SHA1', 'sha1'],
  ['SHA256', 'sha256'],
])

/**
 * Removes CloudFront's parameters from the raw query and keeps every other byte: the text of the URL is signed, so parsing and
 * serializing it (%20 to +) would break a valid signature.
 */
function splitParameters(url: string): { baseUrl: string; parameters: ReadonlyMap<string, string> } {
  const start = url.indexOf('?')
  if (start < 0) return { baseUrl: url, parameters: new Map() }
  const parameters = new Map<string, string>()
  const others: string[] = []
  for (const pair of url.slice(start + 1).split('&')) {
    const [name, value] = splitPair(pair)
    if (names.includes(name)) parameters.set(name, value)
    else others.push(pair)
  }
  if (parameters.size === 0) return { baseUrl: url, parameters }
  return { baseUrl: url.slice(0, start) + (others.length > 0 ? `?${others.join('&')}` : ''), parameters }
}

function fromCookies(header: string): ReadonlyMap<string, string> {
  const prefix = 'CloudFront-'
  const pairs = header
    .split(';')
    .map(pair => splitPair(pair.trim()))
    .filter(([name]) => name.startsWith(prefix) && names.includes(name.slice(prefix.length)))
    .map(([name, value]): [string, string] => [name.slice(prefix.length), value])
  // A browser sends the cookie with the longest path first; reverse, so that the map keeps that one.
  return new Map(pairs.reverse())
}

function splitPair(pair: string): [name: string, value: string] {
  const split = pair.indexOf('=')
  return split < 0 ? [pair, ''] : [pair.slice(0, split), pair.slice(split + 1)]
}

function policyText(baseUrl: string, fields: ReadonlyMap<string, string>): string | undefined {
  const custom = fields.get('Policy')
  if (custom !== undefined) return decode(custom)?.toString('utf8')
  const expires = fields.get('Expires') ?? ''
  // Keep the digits as they were sent: "0123" and "123" are different signed texts.
  return /^\d{1,15}$/.test(expires) ? cannedPolicy(baseUrl, expires) : undefined
}

/** Decodes CloudFront's base64, which writes `+`, `=` and `/` as `-`, `_` and `~`. */
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
