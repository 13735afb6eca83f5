import { type Ending, type Sounding } from './ending'

/** A day in fragments of a second has 86,400 of two boxes each. */
const boxesMax = 200_000
/** The head of a fragment is read with that of its sound, and what is made of tiny boxes at once. */
const windowBytes = 4 * 1024
/** Those that make it sound. What looks like another one behind them may be anything. */
const needed = ['ftyp', 'moov', 'moof', 'mdat']

/** MP4: boxes that say how long they are (ISO 14496-12, 4.2). Between two fragments of a live one nothing tells. */
export async function mp4Ending({ file, from, size, signal }: Sounding): Promise<Ending> {
  const window = Buffer.alloc(windowBytes)
  let windowAt = -Infinity
  let at = from
  for (let count = 0; at + 8 <= size && count < boxesMax; count += 1) {
    signal.throwIfAborted()
    if (at + 16 > windowAt + windowBytes) {
      await file.read(window.fill(0), 0, windowBytes, at)
      windowAt = at
    }
    const head = window.subarray(at - windowAt)
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
