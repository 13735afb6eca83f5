import { createReadStream } from 'node:fs'

const capture = Buffer.from('OggS\0', 'latin1')
const firstOfStream = 2

/**
 * Whether an Ogg file is several, one behind the other, as recorders of radio write them (RFC 3533, 4). ffmpeg copies the
 * headers of all but the first as if they were sound.
 */
export async function isChained(path: string, signal: AbortSignal): Promise<boolean> {
  let held: Buffer = Buffer.alloc(0)
  let hasBegun = false
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024, signal }) as AsyncIterable<Buffer>) {
    const bytes = Buffer.concat([held, chunk])
    for (let at = bytes.indexOf(capture); at >= 0; at = bytes.indexOf(capture, at + 1)) {
      const flags = bytes[at + capture.length]
      if (flags === undefined) break
      const isFirst = (flags & firstOfStream) !== 0
      // Streams side by side all begin before any of them goes on.
      if (isFirst && hasBegun) return true
      hasBegun ||= !isFirst
    }
    held = bytes.subarray(Math.max(0, bytes.length - capture.length))
  }
  return false
}
