import { open } from 'node:fs/promises'
import { oggPages } from './pieces/ogg-pages'
import { walk } from './pieces/walk'

/**
 * Whether an Ogg file is several, one behind the other, as recorders of radio write them (RFC 3533, 4). ffmpeg copies the
 * headers of all but the first as if they were sound.
 */
export async function isChained(path: string, signal: AbortSignal): Promise<boolean> {
  await using file = await open(path)
  const { size } = await file.stat()
  let [hasBegun, isAnew] = [false, false]
  await walk(
    { file, from: 0, size, signal },
    {
      ...oggPages,
      see(_bytes, _at, { begins }) {
        // Streams side by side all begin before any of them goes on.
        isAnew ||= begins && hasBegun
        hasBegun ||= !begins
      },
    },
  )
  return isAnew
}
