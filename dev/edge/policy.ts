import { BlockList, isIPv4 } from 'node:net'

/** The conditions of a signed policy. Times in epoch seconds; `resource` may contain `*` and `?`; `sourceIp` is an IPv4 range. */
export interface Policy {
  resource: string
  dateLessThan: number
  dateGreaterThan: number | undefined
  sourceIp: { base: string; bits: number } | undefined
}

/** A request to check against a policy: `url` without the CloudFront parameters, `now` in epoch milliseconds. */
export interface PolicyRequest {
  url: string
  ip: string
  now: number
}

/** Whether the policy allows this request. */
export function allows(policy: Policy, { url, ip, now }: PolicyRequest): boolean {
  const seconds = now / 1000
  if (seconds >= policy.dateLessThan) return false
  if (policy.dateGreaterThan !== undefined && seconds <= policy.dateGreaterThan) return false
  if (policy.sourceIp && !inRange(ip, policy.sourceIp)) return false
  return matches(policy.resource, url)
}

/** The text that a canned policy's signature covers. It is never sent, so rebuild it byte for byte from URL and `Expires`. */
export function cannedPolicy(url: string, expires: string): string {
  return `{"Statement":[{"Resource":"${url}","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`
}

/**
 * Parses a policy's JSON. Undefined if CloudFront rejects it as malformed: not exactly one statement, no end date, or an unknown
 * condition. A missing `Resource` means every file, as AWS documents (and advises against).
 */
export function parsePolicy(text: string): Policy | undefined {
  const statements = field(parseJson(text), 'Statement')
  if (!Array.isArray(statements) || statements.length !== 1) return undefined
  const statement: unknown = statements[0]
  const resource = field(statement, 'Resource') ?? '*'
  const condition = field(statement, 'Condition')
  if (typeof resource !== 'string' || !hasOnlyKnownOperators(condition)) return undefined

  const dateLessThan = epoch(field(condition, 'DateLessThan'))
  const dateGreaterThan = epoch(field(condition, 'DateGreaterThan'))
  const sourceIp = range(field(condition, 'IpAddress'))
  if (typeof dateLessThan !== 'number' || dateGreaterThan === 'malformed' || sourceIp === 'malformed') return undefined
  return { resource, dateLessThan, dateGreaterThan, sourceIp }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined
}

function hasOnlyKnownOperators(condition: unknown): boolean {
  const known = ['DateLessThan', 'DateGreaterThan', 'IpAddress']
  return typeof condition === 'object' && condition !== null && Object.keys(condition).every(key => known.includes(key))
}

function epoch(date: unknown): number | 'malformed' | undefined {
  if (date === undefined) return undefined
  const seconds = field(date, 'AWS:EpochTime')
  return typeof seconds === 'number' && Number.isSafeInteger(seconds) ? seconds : 'malformed'
}

function range(address: unknown): Policy['sourceIp'] | 'malformed' {
  if (address === undefined) return undefined
  const cidr = field(address, 'AWS:SourceIp')
  const [, base = '', bits = '32'] = /^([\d.]+)(?:\/(\d{1,2}))?$/.exec(typeof cidr === 'string' ? cidr : '') ?? []
  return isIPv4(base) && Number(bits) <= 32 ? { base, bits: Number(bits) } : 'malformed'
}

function inRange(ip: string, { base, bits }: { base: string; bits: number }): boolean {
  const v4 = ip.replace(/^::ffff:/i, '')
  if (!isIPv4(v4)) return false
  const block = new BlockList()
  block.addSubnet(base, bits)
  return block.check(v4)
}

/** `*` matches any characters, `?` exactly one. Backtracks only to the last `*`, so no pattern takes exponential time. */
function matches(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let starEnd = 0
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++
      starEnd = t
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++starEnd
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
