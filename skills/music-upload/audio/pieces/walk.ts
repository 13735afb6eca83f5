import { type Sounding } from '../endings/ending'

/** A format that is nothing but pieces, one right behind the other, each of which says how long it is. */
export interface Pieces<P extends Piece> {
  /** Every piece begins with this byte. */
  firstByte: number
  /** So much is needed to know a piece by its head. */
  headBytes: number
  pieceBytesMax: number
  /** How many more of its kind must follow for one to be believed where none was expected. */
  witnesses: number
  /** What begins there; undefined when nothing does, or when too little of it is left to tell. */
  pieceAt(bytes: Buffer, at: number): P | undefined
  /** Told of each whole piece, in their order. */
  see(bytes: Buffer, at: number, piece: P): void
  /** Waited for before the bytes that were seen go. */
  keep?(bytes: Buffer): Promise<void>
}

export interface Piece {
  bytes: number
  /** Neighbours are of one kind. */
  kind: number
}

/** Long enough to read fast, short enough that no other work waits: looked through in milliseconds, whatever is in it. */
const windowBytes = 256 * 1024

/**
 * Goes through all pieces, over whatever lies between and behind them: tags, pictures, damage.
 * @returns whether the last one is longer than what is left of the file, and where the last whole one ends
 */
export async function walk<P extends Piece>({ file, from, size, signal }: Sounding, pieces: Pieces<P>) {
  const window = Buffer.alloc(windowBytes)
  const reachBytes = (pieces.witnesses + 1) * pieces.pieceBytesMax
  let kind: number | undefined
  let [at, end, isCut] = [from, from, false]
  while (at < size && !isCut) {
    signal.throwIfAborted()
    const { bytesRead } = await file.read(window, 0, windowBytes, at)
    const bytes = window.subarray(0, bytesRead)
    const isLast = at + bytesRead >= size
    let place = 0
    while (!isCut && place < bytesRead && (isLast || bytesRead - place >= reachBytes)) {
      const isHead = place + pieces.headBytes <= bytesRead
      const piece = isHead ? pieces.pieceAt(bytes, place) : undefined
      if (piece !== undefined && (piece.kind === kind || isBelieved(bytes, place, piece, pieces))) {
        isCut = place + piece.bytes > bytesRead
        if (isCut) break
        pieces.see(bytes, place, piece)
        kind = piece.kind
        place += piece.bytes
        end = at + place
      } else {
        // Less than a head is left of the next one.
        isCut = !isHead && kind !== undefined && bytes[place] === pieces.firstByte
        kind = undefined
        // Not by `indexOf`: where every byte is a first one it takes fifty times as long.
        do place += 1
        while (place < bytesRead && bytes[place] !== pieces.firstByte)
      }
    }
    await pieces.keep?.(bytes)
    // The file became shorter meanwhile.
    if (place === 0) break
    at += place
  }
  return { isCut, end }
}

function isBelieved<P extends Piece>(
  bytes: Buffer,
  at: number,
  { bytes: length, kind }: P,
  pieces: Pieces<P>,
): boolean {
  let next = at + length
  for (let count = 0; count < pieces.witnesses; count += 1) {
    // The end of the file is as good as another one.
    if (next === bytes.length) return true
    if (next + pieces.headBytes > bytes.length) return false
    const witness = pieces.pieceAt(bytes, next)
    if (witness?.kind !== kind) return false
    next += witness.bytes
  }
  return true
}
