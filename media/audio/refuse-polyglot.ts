import { open } from 'node:fs/promises'
import { Rejection } from './rejection'

/** Largest ZIP end record: the record and its comment (APPNOTE 4.3.16). */
const tailBytes = 0xffff + 22
const endOfArchive = Buffer.from('PK\u0005\u0006', 'latin1')

/**
 * Rejects audio with a ZIP archive behind it: other programs would open the file as an archive or run it.
 * @throws Rejection `trailing_content`
 */
export async function refusePolyglot(path: string): Promise<void> {
  await using file = await open(path)
  const { size } = await file.stat()
  const length = Math.min(size, tailBytes)
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
  for (
    let at = buffer.lastIndexOf(endOfArchive);
    at >= 0;
    at = at === 0 ? -1 : buffer.lastIndexOf(endOfArchive, at - 1)
  )
    // The record gives the length of its comment, which must reach the end of the file: that is no coincidence.
    if (at + 22 <= length && buffer.readUInt16LE(at + 20) === length - at - 22) throw new Rejection('trailing_content')
}
