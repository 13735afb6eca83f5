import { open } from 'node:fs/promises'
import { oggPages } from './frames/ogg-pages'
import { scanFrames } from './frames/scan-frames'

/**
 * Whether an Ogg file is a chain of several, as radio recorders write them (RFC 3533, 4). ffmpeg copies the headers
 * of all but the first as if they were audio.
 */
export async function isChainedOgg(path: string, signal: AbortSignal): Promise<boolean> {
  await using file = await open(path)
  const { size } = await file.stat()
  let [hasBegun, isChainedFile] = [false, false]
  await scanFrames(
    { file, from: 0, size, signal },
    {
      ...oggPages,
      onFrame(_bytes, _at, { begins }) {
        // Multiplexed streams all begin before any of them continues.
        isChainedFile ||= begins && hasBegun
        hasBegun ||= !begins
      },
    },
  )
  return isChainedFile
}
