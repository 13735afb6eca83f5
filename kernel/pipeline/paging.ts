import { refusals } from './refusals'
import { type Field, list, optional, pattern, integer } from './schema'

export const pageSizeDefault = 50
export const pageSizeMax = 200

/** One page of a list. `next` is an opaque cursor, or null at the end. */
export class Page<T> {
  constructor(
    readonly items: T[],
    readonly next: string | null,
  ) {}
}

/** The two paging fields of a list's input: spread them into its shape. */
export const pagingFields = {
  limit: optional(integer(1, pageSizeMax)),
  cursor: optional(pattern(/^[A-Za-z0-9_-]+$/, 400)),
}

export interface Paging {
  limit?: number
  cursor?: string
}

export const pageSize = ({ limit }: Paging): number => limit ?? pageSizeDefault

const pageFields = new WeakSet<object>()

/** The output schema of a paged operation: on the wire `data` is the rows and `page` is `{next, hasMore}`. */
export function pageOf<T>(item: Field<T>): Field<Page<T>> {
  const rows = list(item, pageSizeMax)
  pageFields.add(rows)
  return rows as unknown as Field<Page<T>>
}

export const isPageField = (field: object): boolean => pageFields.has(field)

/**
 * Builds a page from up to `size + 1` rows in the order of `keys`; the extra row only shows that there is a next page.
 * Keyset pagination: the cursor holds the keys of the last row, so that rows inserted meanwhile shift nothing.
 */
export function toPage<R, T>(
  rows: readonly R[],
  size: number,
  keys: (row: R) => readonly (string | number)[],
  view: (row: R) => T,
): Page<T> {
  const pageRows = rows.slice(0, size)
  const last = pageRows.at(-1)
  const next = rows.length > size && last !== undefined ? encodeCursor(keys(last)) : null
  return new Page(pageRows.map(view), next)
}

/**
 * Decodes the keys of a cursor, as text; undefined on the first page.
 * @throws `invalid_input` unless `pageFrom` made the cursor for a list with `keyCount` keys.
 */
export function parseCursor(paging: Paging, keyCount: number): string[] | undefined {
  if (paging.cursor === undefined) return undefined
  const keys = decode(paging.cursor)
  // As text, which PostgreSQL casts to the column's type: a key of the wrong type is then invalid input, not an internal error.
  if (Array.isArray(keys) && keys.length === keyCount && keys.every(isKey)) return keys.map(String)
  const error = { path: 'cursor', code: 'invalid_cursor', message: 'cursor was not returned by this list' }
  throw refusals.invalidInput(undefined, { errors: [error] })
}

const encodeCursor = (keys: readonly (string | number)[]) => Buffer.from(JSON.stringify(keys)).toString('base64url')

const isKey = (key: unknown) =>
  (typeof key === 'string' && key.length <= 200 && !key.includes('\u0000')) || Number.isFinite(key)

function decode(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    return undefined
  }
}
