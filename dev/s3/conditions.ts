import { S3Error } from './errors'
import { type Precondition, type StoredObject } from './objects'

type Headers = ReadonlyMap<string, string>

/** Evaluates the conditional headers of a GET or HEAD in the order of RFC 9110; throws PreconditionFailed. */
export function checkReadConditions(headers: Headers, object: StoredObject): 'send' | 'not modified' {
  checkUnchanged(headers, '', object)
  const ifNoneMatch = headers.get('if-none-match')
  if (ifNoneMatch !== undefined) return matches(ifNoneMatch, object.etag) ? 'not modified' : 'send'
  const since = readDate(headers.get('if-modified-since'))
  return since !== undefined && wholeSeconds(object) <= since ? 'not modified' : 'send'
}

/** Checks the `x-amz-copy-source-if-*` headers; every failed condition is a 412. */
export function checkCopyConditions(headers: Headers, object: StoredObject) {
  const prefix = 'x-amz-copy-source-'
  checkUnchanged(headers, prefix, object)
  const ifNoneMatch = headers.get(`${prefix}if-none-match`)
  const since = readDate(headers.get(`${prefix}if-modified-since`))
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, object.etag)) fail(`${prefix}If-None-Match`)
  if (ifNoneMatch === undefined && since !== undefined && wholeSeconds(object) <= since) {
    fail(`${prefix}If-Modified-Since`)
  }
}

/** The precondition of a write: the key must not exist (If-None-Match: *), or must have this ETag (If-Match). */
export function readPrecondition(headers: Headers): Precondition {
  const ifNoneMatch = headers.get('if-none-match')
  const ifMatch = headers.get('if-match')
  if (ifNoneMatch !== undefined && (ifNoneMatch !== '*' || ifMatch !== undefined)) {
    throw new S3Error('NotImplemented', undefined, { Header: 'If-None-Match' })
  }
  return current => {
    if (ifNoneMatch !== undefined && current) fail('If-None-Match')
    if (ifMatch === undefined) return
    if (!current) throw new S3Error('NoSuchKey')
    if (!matches(ifMatch, current.etag)) fail('If-Match')
  }
}

/** Whether the Range header applies: always without If-Range, else only if the object has not changed. */
export function rangeApplies(headers: Headers, object: StoredObject): boolean {
  const ifRange = headers.get('if-range')
  if (ifRange === undefined) return true
  return ifRange.includes('"') ? matches(ifRange, object.etag) : readDate(ifRange) === wholeSeconds(object)
}

function checkUnchanged(headers: Headers, prefix: string, object: StoredObject) {
  const ifMatch = headers.get(`${prefix}if-match`)
  if (ifMatch !== undefined && !matches(ifMatch, object.etag)) fail(`${prefix}If-Match`)
  const since = readDate(headers.get(`${prefix}if-unmodified-since`))
  if (ifMatch === undefined && since !== undefined && wholeSeconds(object) > since) fail(`${prefix}If-Unmodified-Since`)
}

function matches(list: string, etag: string): boolean {
  return list
    .split(',')
    .map(tag => tag.trim().replace(/^W\//, '').replaceAll('"', ''))
    .some(tag => tag === '*' || tag === etag)
}

// HTTP dates have whole seconds.
const wholeSeconds = ({ modifiedAt }: StoredObject) => Math.floor(modifiedAt / 1000) * 1000

function readDate(text: string | undefined): number | undefined {
  const at = Date.parse(text ?? '')
  return Number.isNaN(at) ? undefined : at
}

function fail(condition: string): never {
  throw new S3Error('PreconditionFailed', undefined, { Condition: condition })
}
