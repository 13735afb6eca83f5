import { open } from 'node:fs/promises'
import { Rejection } from './rejection'

/** What an archive may say behind its last record, and the record itself (APPNOTE 4.3.16). */
const tailBytes = 0xffff + 22
const endOfArchive = Buffer.from('PK\u0005\u0006', 'latin1')

/**
 * Music with an archive behind it is both to whoever opens it: what looks like a song would be a program to others.
 * @throws Rejection `two_things`
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
    // The record ends with the length of the comment behind it, to the end of the file: chance does not say that.
    if (at + 22 <= length && buffer.readUInt16LE(at + 20) === length - at - 22) throw new Rejection('two_things')
}
