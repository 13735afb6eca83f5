import { Refusal } from './errors'
import { type Precondition, type StoredObject } from './objects'

type Headers = ReadonlyMap<string, string>

/** Decides a GET or HEAD by RFC 9110's order of conditions; throws PreconditionFailed. */
export function checkRead(headers: Headers, object: StoredObject): 'send' | 'not modified' {
  checkStillThat(headers, '', object)
  const ifNoneMatch = headers.get('if-none-match')
  if (ifNoneMatch !== undefined) return matches(ifNoneMatch, object.etag) ? 'not modified' : 'send'
  const since = readDate(headers.get('if-modified-since'))
  return since !== undefined && wholeSeconds(object) <= since ? 'not modified' : 'send'
}

/** The `x-amz-copy-source-if-*` conditions, which all fail with 412. */
export function checkCopySource(headers: Headers, object: StoredObject) {
  const prefix = 'x-amz-copy-source-'
  checkStillThat(headers, prefix, object)
  const ifNoneMatch = headers.get(`${prefix}if-none-match`)
  const since = readDate(headers.get(`${prefix}if-modified-since`))
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, object.etag)) fail(`${prefix}If-None-Match`)
  if (ifNoneMatch === undefined && since !== undefined && wholeSeconds(object) <= since) {
    fail(`${prefix}If-Modified-Since`)
  }
}

/** The condition of a write: only if the key is free, or only if it holds what the client saw last. */
export function readPrecondition(headers: Headers): Precondition {
  const ifNoneMatch = headers.get('if-none-match')
  const ifMatch = headers.get('if-match')
  if (ifNoneMatch !== undefined && (ifNoneMatch !== '*' || ifMatch !== undefined)) {
    throw new Refusal('NotImplemented', undefined, { Header: 'If-None-Match' })
  }
  return current => {
    if (ifNoneMatch !== undefined && current) fail('If-None-Match')
    if (ifMatch === undefined) return
    if (!current) throw new Refusal('NoSuchKey')
    if (!matches(ifMatch, current.etag)) fail('If-Match')
  }
}

/** Whether a range may be served: without If-Range always, else only if the object is still that one. */
export function rangeHolds(headers: Headers, object: StoredObject): boolean {
  const ifRange = headers.get('if-range')
  if (ifRange === undefined) return true
  return ifRange.includes('"') ? matches(ifRange, object.etag) : readDate(ifRange) === wholeSeconds(object)
}

function checkStillThat(headers: Headers, prefix: string, object: StoredObject) {
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

// HTTP dates know no fractions.
const wholeSeconds = ({ modifiedAt }: StoredObject) => Math.floor(modifiedAt / 1000) * 1000

function readDate(text: string | undefined): number | undefined {
  const at = Date.parse(text ?? '')
  return Number.isNaN(at) ? undefined : at
}

function fail(condition: string): never {
  throw new Refusal('PreconditionFailed', undefined, { Condition: condition })
}
