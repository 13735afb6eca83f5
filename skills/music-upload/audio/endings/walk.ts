import { type Sounding } from './ending'

/** A format that is nothing but pieces, one right behind the other, each of which says how long it is. */
export interface Pieces {
  /** Every piece begins with this byte. */
  firstByte: number
  pieceBytesMax: number
  /** How many more of its kind must follow for one to be believed where none was expected. */
  witnesses: number
  /** What begins there; undefined when nothing does, or when too little of it is left to tell. */
  pieceAt(bytes: Buffer, at: number): Piece | undefined
  /** Told of each whole piece, in their order. */
  see(bytes: Buffer, at: number, piece: Piece): void
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
export async function walk({ file, from, size, signal }: Sounding, pieces: Pieces) {
  const window = Buffer.alloc(windowBytes)
  const reachBytes = (pieces.witnesses + 1) * pieces.pieceBytesMax
  let kind: number | undefined
  let end = from
  let at = from
  while (at < size) {
    signal.throwIfAborted()
    const { bytesRead } = await file.read(window, 0, windowBytes, at)
    if (bytesRead === 0) break
    const bytes = window.subarray(0, bytesRead)
    const isLast = at + bytesRead >= size
    let place = 0
    while (place < bytesRead && (isLast || bytesRead - place >= reachBytes)) {
      const piece = pieces.pieceAt(bytes, place)
      if (piece !== undefined && (piece.kind === kind || isBelieved(bytes, place, piece, pieces))) {
        if (place + piece.bytes > bytesRead) return { isCut: true, end }
        pieces.see(bytes, place, piece)
        kind = piece.kind
        place += piece.bytes
        end = at + place
        continue
      }
      // Less than a head is left of the next one.
      if (kind !== undefined && isLast && bytesRead - place < 4 && bytes[place] === pieces.firstByte)
        return { isCut: true, end }
      kind = undefined
      // Not by `indexOf`: where every byte is a first one it takes fifty times as long.
      do place += 1
      while (place < bytesRead && bytes[place] !== pieces.firstByte)
    }
    // The file became shorter meanwhile.
    if (place === 0) break
    at += place
  }
  return { isCut: false, end }
}

function isBelieved(bytes: Buffer, at: number, { bytes: length, kind }: Piece, pieces: Pieces): boolean {
  let next = at + length
  for (let count = 0; count < pieces.witnesses; count += 1) {
    if (next === bytes.length) return true
    const witness = pieces.pieceAt(bytes, next)
    if (witness?.kind !== kind) return false
    next += witness.bytes
  }
  return true
}
