import { type Calls } from './calls'
import { persist } from './persist'
import { sendTo } from './send-file'
import { sha256Of } from './blob'

export interface PartsWish {
  partBytes: number
  count: number
  /** What is there from an earlier try. */
  sent?: readonly { number: number; sizeBytes: number; sha256: string | null }[]
}

export interface SendOptions {
  onProgress: (sentBytes: number) => void
  signal: AbortSignal
  parallelParts: number
}

/**
 * Sends the parts of a file that are not there yet, some at once, each with a SHA-256 of its own and tried again for a while
 * when it fails. Holds no more in memory than the parts under way.
 */
export async function sendParts(
  calls: Calls,
  uploadId: string,
  file: Blob,
  { partBytes, count, sent = [] }: PartsWish,
  { onProgress, signal, parallelParts }: SendOptions,
): Promise<void> {
  const failed = new AbortController()
  const stop = AbortSignal.any([failed.signal, signal])

  const taken = new Map<number, number>()
  const take = (number: number, bytes: number) => {
    taken.set(number, bytes)
    onProgress([...taken.values()].reduce((sum, part) => sum + part))
  }

  const sendPart = async (number: number): Promise<void> => {
    const part = file.slice((number - 1) * partBytes, number * partBytes)
    const sha256 = await sha256Of(part)
    const there = sent.find(known => known.number === number)
    if (there?.sizeBytes === part.size && (there.sha256 ?? sha256) === sha256) {
      take(number, part.size)
      return
    }
    const [place] = await calls.call('music-upload.signParts', { uploadId, parts: [{ number, sha256 }] })
    await sendTo(place, part, bytes => take(number, bytes), stop)
  }

  let next = 0
  const sendSome = async (): Promise<void> => {
    while (next < count && !stop.aborted) {
      const number = (next += 1)
      await persist(() => sendPart(number), stop).catch((error: unknown) => failed.abort(error))
    }
  }
  await Promise.all(Array.from({ length: parallelParts }, sendSome))
  // What went wrong first; all others were ended by that.
  stop.throwIfAborted()
}
