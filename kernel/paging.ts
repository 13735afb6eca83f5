import { refusals } from './refusals'
import { type Field, list, optional, pattern, whole } from './schema'

export const pageSizeDefault = 50
export const pageSizeMax = 200

/** A part of a list. `next` is an opaque cursor, or null at the end. */
export class Page<T> {
  constructor(
    readonly items: T[],
    readonly next: string | null,
  ) {}
}

/** The two fields of every list's input: spread them into its shape. */
export const paging = {
  limit: optional(whole(1, pageSizeMax)),
  cursor: optional(pattern(/^[A-Za-z0-9_-]+$/, 400)),
}

export interface Paging {
  limit?: number
  cursor?: string
}

export const pageSize = ({ limit }: Paging): number => limit ?? pageSizeDefault

const pages = new WeakSet<object>()

/** The output of an operation that answers with a page: on the wire `data` is the rows and `page` says how to go on. */
export function pageOf<T>(item: Field<T>): Field<Page<T>> {
  const rows = list(item, pageSizeMax)
  pages.add(rows)
  return rows as unknown as Field<Page<T>>
}

export const isPageField = (field: object): boolean => pages.has(field)

/**
 * Makes a page of `pageSize + 1` rows that were read in the order of `keys`: the one too many only tells that there is
 * more. Keyset paging: the cursor holds the keys of the last row, so that rows which arrive meanwhile move nothing.
 */
export function pageFrom<R, T>(
  rows: readonly R[],
  size: number,
  keys: (row: R) => readonly (string | number)[],
  view: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, size)
  const last = shown.at(-1)
  const next = rows.length > size && last !== undefined ? encodeCursor(keys(last)) : null
  return new Page(shown.map(view), next)
}

/**
 * The keys that a cursor holds, as text, or undefined on the first page.
 * @throws `invalid_input` when it is not one that `pageFrom` made for a list of as many keys.
 */
export function readCursor(paging: Paging, keyCount: number): string[] | undefined {
  if (paging.cursor === undefined) return undefined
  const keys = decode(paging.cursor)
  // All as text, which PostgreSQL reads as what it is compared with: a key of another type is then bad input, not a bug.
  if (Array.isArray(keys) && keys.length === keyCount && keys.every(isKey)) return keys.map(String)
  const fault = { path: 'cursor', code: 'not_a_cursor', message: 'cursor is not one that this list gave' }
  throw refusals.invalidInput(undefined, { errors: [fault] })
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
