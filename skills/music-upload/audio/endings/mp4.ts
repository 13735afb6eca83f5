import { type Ending, type Sounding } from './ending'

/** A day in fragments of a second has 172,800 of two boxes each. */
const boxesMax = 400_000
/** Those that make it sound. What looks like another one behind them may be anything. */
const needed = ['ftyp', 'moov', 'moof', 'mdat']

/** MP4: boxes that say how long they are (ISO 14496-12, 4.2). Between two fragments of a live one nothing tells. */
export async function mp4Ending({ file, from, size, signal }: Sounding): Promise<Ending> {
  const head = Buffer.alloc(16)
  let at = from
  for (let count = 0; at + 8 <= size && count < boxesMax; count += 1) {
    signal.throwIfAborted()
    await file.read(head, 0, 16, at)
    const name = head.toString('latin1', 4, 8)
    const told = head.readUInt32BE(0)
    // 1 announces a larger number, 0 is all the rest.
    const bytes = told === 1 ? Number(head.readBigUInt64BE(8)) : told === 0 ? size - at : told
    if (!/^[\w ©-]{4}$/.test(name) || bytes < 8) break
    if (at + bytes > size) return { verdict: needed.includes(name) ? 'cut' : 'whole', end: at }
    at += bytes
  }
  return { verdict: 'whole', end: at }
}
