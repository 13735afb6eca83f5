import { S3Error } from './errors'

/** A byte range; `end` is exclusive. */
export interface Range {
  start: number
  end: number
}

/** Parses a Range header as S3 does; undefined (the whole object) for no header, other units, several or invalid ranges. */
export function readRange(header: string | undefined, size: number): Range | undefined {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '')
  if (!found) return undefined
  const [, first = '', last = ''] = found
  if (first === '' && last === '') return undefined
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first)
  const end = first === '' || last === '' ? size : Math.min(Number(last) + 1, size)
  if (first !== '' && last !== '' && Number(last) < start) return undefined
  if (start >= size || start >= end) {
    throw new S3Error('InvalidRange', undefined, { RangeRequested: header ?? '', ActualObjectSize: String(size) })
  }
  return { start, end }
}
