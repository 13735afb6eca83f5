import { invalidField } from './refusals'
import { type Field, list, optional, pattern, integer } from './schema'

export const pageSizeDefault = 50
export const pageSizeMax = 200

/** One page of a list. `next` is an opaque cursor, or null at the end. */
export class Page<T> {
  constructor(
    readonly items: T[],
    readonly next: string | null,
  ) {}

  /** The same page, with each item replaced by one view. */
  map<U>(view: (item: T) => U): Page<U> {
    return new Page(this.items.map(view), this.next)
  }

  /** The same page, with each item replaced by any number of views: an item that `view` turns into `[]` is left out. */
  flatMap<U>(view: (item: T) => U | readonly U[]): Page<U> {
    return new Page(this.items.flatMap(view), this.next)
  }
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
export function toPage<R>(rows: readonly R[], size: number, keys: (row: R) => readonly (string | number)[]): Page<R> {
  const items = rows.slice(0, size)
  const last = items.at(-1)
  return new Page(items, rows.length > size && last !== undefined ? encodeCursor(keys(last)) : null)
}

/** The cursor of the first page of a newest-first list: before any row. */
export const firstPageCursor: readonly [at: string, id: string] = ['infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff']

/** SQL: the rows after a cursor, in a list that is sorted by `at` and `id`, newest first. Compares both keys, as the index does. */
export const isAfterCursor = (at: string, id: string, atKey = ':at', idKey = ':id'): string =>
  `(${at}, ${id}) < (cast(${atKey} as timestamptz), cast(${idKey} as uuid))`

/**
 * Decodes the keys of a cursor, as text; undefined on the first page.
 * @throws `invalid_input` unless `toPage` made the cursor for a list with `keyCount` keys.
 */
export function parseCursor(paging: Paging, keyCount: number): string[] | undefined {
  if (paging.cursor === undefined) return undefined
  const keys = decode(paging.cursor)
  // As text, which PostgreSQL casts to the column's type: a key of the wrong type is then invalid input, not an internal error.
  if (Array.isArray(keys) && keys.length === keyCount && keys.every(isKey)) return keys.map(String)
  throw invalidField('cursor', 'invalid_cursor', 'cursor was not returned by this list')
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
