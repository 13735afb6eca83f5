import { type OpenAudioFile } from '../truncation/truncation-check'

/** A format of contiguous frames, each of which gives its own length. */
export interface FrameFormat<P extends Frame> {
  /** First byte of every frame. */
  firstByte: number
  /** Bytes needed to parse a header. */
  headerBytes: number
  frameBytesMax: number
  /** How many more frames of its kind must follow for one to be accepted at an unexpected offset. */
  confirmationsNeeded: number
  /** The frame at an offset; undefined when there is none, or too few bytes are left to tell. */
  parseFrame(bytes: Buffer, at: number): P | undefined
  /** Called for each complete frame, in order. */
  onFrame(bytes: Buffer, at: number, piece: P): void
  /** Awaited before the window with the seen frames is overwritten. */
  onWindowEnd?(bytes: Buffer): Promise<void>
}

export interface Frame {
  bytes: number
  /** Equal for consecutive frames of one stream. */
  kind: number
}

/** Large enough for fast reads, small enough to scan in milliseconds, whatever it holds. */
const windowBytes = 256 * 1024

/**
 * Visits all frames, skipping whatever lies between and behind them: tags, pictures, damage.
 * @returns whether the last frame is truncated, and the offset where the last complete one ends
 */
export async function scanFrames<P extends Frame>({ file, from, size, signal }: OpenAudioFile, pieces: FrameFormat<P>) {
  const window = Buffer.alloc(windowBytes)
  const reachBytes = (pieces.confirmationsNeeded + 1) * pieces.frameBytesMax
  let kind: number | undefined
  let [at, end, isCut] = [from, from, false]
  while (at < size && !isCut) {
    signal.throwIfAborted()
    const { bytesRead } = await file.read(window, 0, windowBytes, at)
    const bytes = window.subarray(0, bytesRead)
    const isLast = at + bytesRead >= size
    let offset = 0
    while (!isCut && offset < bytesRead && (isLast || bytesRead - offset >= reachBytes)) {
      const isHead = offset + pieces.headerBytes <= bytesRead
      const piece = isHead ? pieces.parseFrame(bytes, offset) : undefined
      if (piece !== undefined && (piece.kind === kind || isConfirmed(bytes, offset, piece, pieces))) {
        isCut = offset + piece.bytes > bytesRead
        if (isCut) break
        pieces.onFrame(bytes, offset, piece)
        kind = piece.kind
        offset += piece.bytes
        end = at + offset
      } else {
        // The file ends within the header of the next frame.
        isCut = !isHead && kind !== undefined && bytes[offset] === pieces.firstByte
        kind = undefined
        // A loop, since `indexOf` is fifty times slower when every byte matches.
        do offset += 1
        while (offset < bytesRead && bytes[offset] !== pieces.firstByte)
      }
    }
    await pieces.onWindowEnd?.(bytes)
    // The file was truncated meanwhile.
    if (offset === 0) break
    at += offset
  }
  return { isCut, end }
}

function isConfirmed<P extends Frame>(
  bytes: Buffer,
  at: number,
  { bytes: length, kind }: P,
  pieces: FrameFormat<P>,
): boolean {
  let next = at + length
  for (let count = 0; count < pieces.confirmationsNeeded; count += 1) {
    // The end of the file confirms a frame as well.
    if (next === bytes.length) return true
    if (next + pieces.headerBytes > bytes.length) return false
    const following = pieces.parseFrame(bytes, next)
    if (following?.kind !== kind) return false
    next += following.bytes
  }
  return true
}
