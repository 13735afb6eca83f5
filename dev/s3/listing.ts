import { S3Error } from './errors'

export interface ListOptions {
  prefix: string
  delimiter: string
  /** Only keys after this one, in UTF-8 order. */
  after: string
  keysMax: number
}

export interface Listing {
  keys: string[]
  commonPrefixes: string[]
  /** Where the next page starts: its `after`; undefined on the last page. */
  next: string | undefined
}

/** One page of sorted keys; keys with the same prefix up to the delimiter are grouped and count once. */
export function listKeys(sorted: readonly string[], { prefix, delimiter, after, keysMax }: ListOptions): Listing {
  const listing: Listing = { keys: [], commonPrefixes: [], next: undefined }
  let last = after
  for (let index = firstAfter(sorted, after, prefix); index < sorted.length; index++) {
    const key = sorted[index] ?? ''
    if (!key.startsWith(prefix)) break
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    const group = cut === -1 ? undefined : key.slice(0, cut + delimiter.length)
    // This group is already listed, on this page or at the end of the previous one.
    if (group !== undefined && group === last) continue
    if (listing.keys.length + listing.commonPrefixes.length >= keysMax)
      return keysMax > 0 ? { ...listing, next: last } : listing
    if (group === undefined) listing.keys.push(key)
    else listing.commonPrefixes.push(group)
    last = group ?? key
  }
  return listing
}

/** Parses a page size; the maximum is also the default. */
export function readPageSize(text: string | undefined, name: string): number {
  if (text === undefined) return pageSizeMax
  if (!/^\d{1,10}$/.test(text)) {
    throw new S3Error('InvalidArgument', undefined, { ArgumentName: name, ArgumentValue: text })
  }
  return Math.min(Number(text), pageSizeMax)
}

const pageSizeMax = 1000

function firstAfter(sorted: readonly string[], after: string, prefix: string): number {
  const [afterBytes, prefixBytes] = [Buffer.from(after), Buffer.from(prefix)]
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    const key = Buffer.from(sorted[middle] ?? '')
    const before = key.compare(prefixBytes) < 0 || (after !== '' && key.compare(afterBytes) <= 0)
    if (before) low = middle + 1
    else high = middle
  }
  return low
}
