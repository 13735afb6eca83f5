import { S3Error } from './errors'

export interface PolicyLimits {
  bytesMin: number
  bytesMax: number
}

/**
 * Checks a form's fields against its base64 policy document (the caller checks the signature): expiry, every condition, and
 * that a condition covers every field. Returns the size limits of the file, to be enforced while it streams.
 */
export function checkPolicy(
  base64: string,
  { fields, bucket, now }: { fields: ReadonlyMap<string, string>; bucket: string; now: number },
): PolicyLimits {
  const policy = readPolicy(base64)
  if (now >= policy.expiresAt) throw policyError('Policy expired.')
  const given = new Map([...fields, ['bucket', bucket]])
  const covered = new Set(fieldsWithoutCondition)
  const limits = { bytesMin: 0, bytesMax: Number.POSITIVE_INFINITY }
  for (const condition of policy.conditions) {
    if (condition.kind === 'content-length-range') {
      limits.bytesMin = Math.max(limits.bytesMin, condition.min)
      limits.bytesMax = Math.min(limits.bytesMax, condition.max)
      continue
    }
    const value = given.get(condition.field) ?? ''
    const holds = condition.kind === 'eq' ? value === condition.value : value.startsWith(condition.value)
    if (!holds) {
      const { kind, field, value: expected } = condition
      throw policyError(`Policy Condition failed: ${JSON.stringify([kind, `$${field}`, expected])}`)
    }
    covered.add(condition.field)
  }
  const extra = [...fields.keys()].filter(name => !covered.has(name) && !name.startsWith('x-ignore-'))
  if (extra.length > 0) throw policyError(`Extra input fields: ${extra.join(', ')}`)
  return limits
}

type Condition =
  | { kind: 'eq' | 'starts-with'; field: string; value: string }
  | { kind: 'content-length-range'; min: number; max: number }

const fieldsWithoutCondition = ['policy', 'x-amz-signature', 'file']

const policyError = (reason: string) => new S3Error('AccessDenied', `Invalid according to Policy: ${reason}`)

function readPolicy(base64: string): { expiresAt: number; conditions: Condition[] } {
  let document: unknown
  try {
    document = JSON.parse(Buffer.from(base64, 'base64').toString())
  } catch {
    throw new S3Error('InvalidPolicyDocument', 'Invalid Policy: Invalid JSON.')
  }
  if (typeof document !== 'object' || document === null || !('conditions' in document) || !('expiration' in document)) {
    throw new S3Error('InvalidPolicyDocument', 'Invalid Policy: Policy missing expiration or conditions.')
  }
  const { expiration, conditions } = document
  const expiresAt = typeof expiration === 'string' ? Date.parse(expiration) : Number.NaN
  if (Number.isNaN(expiresAt) || !Array.isArray(conditions)) {
    throw new S3Error('InvalidPolicyDocument', 'Invalid Policy: Invalid expiration or conditions.')
  }
  return { expiresAt, conditions: conditions.flatMap(readCondition) }
}

function readCondition(condition: unknown): Condition[] {
  if (Array.isArray(condition)) return [readListCondition(condition)]
  if (typeof condition !== 'object' || condition === null) throw invalidCondition(condition)
  return Object.entries(condition).map(([field, value]: [string, unknown]) => {
    if (typeof value !== 'string') throw invalidCondition(condition)
    return { kind: 'eq', field: field.toLowerCase(), value }
  })
}

function readListCondition(condition: unknown[]): Condition {
  const [name, first, second] = condition
  const kind = typeof name === 'string' ? name.toLowerCase() : ''
  if (kind === 'content-length-range') {
    const [min, max] = [Number(first), Number(second)]
    if (!Number.isInteger(min) || !Number.isInteger(max)) throw invalidCondition(condition)
    return { kind, min, max }
  }
  const known = kind === 'eq' || kind === 'starts-with'
  if (!known || typeof first !== 'string' || !first.startsWith('$') || typeof second !== 'string') {
    throw invalidCondition(condition)
  }
  return { kind, field: first.slice(1).toLowerCase(), value: second }
}

function invalidCondition(condition: unknown): S3Error {
  return new S3Error('InvalidPolicyDocument', `Invalid Policy: Invalid condition ${JSON.stringify(condition)}`)
}
