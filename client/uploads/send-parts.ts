import { type Calls } from '../calls/calls'
import { retry } from './retry'
import { putOnce } from './send-file'
import { sha256Of } from './blob'

export interface PartsPlan {
  partBytes: number
  count: number
  /** Parts stored by an earlier attempt. */
  sent?: readonly { number: number; sizeBytes: number; sha256: string | null }[]
}

export interface SendPartsOptions {
  onProgress: (sentBytes: number) => void
  signal: AbortSignal
  parallelParts: number
}

/**
 * Sends the missing parts of a file, `parallelParts` at a time, each with its own SHA-256 and retries. Holds only the parts in
 * progress in memory.
 */
export async function sendParts(
  calls: Calls,
  uploadId: string,
  file: Blob,
  { partBytes, count, sent = [] }: PartsPlan,
  { onProgress, signal, parallelParts }: SendPartsOptions,
): Promise<void> {
  const failed = new AbortController()
  const stop = AbortSignal.any([failed.signal, signal])

  const sentBytesByPart = new Map<number, number>()
  const report = (number: number, bytes: number) => {
    sentBytesByPart.set(number, bytes)
    onProgress([...sentBytesByPart.values()].reduce((sum, part) => sum + part))
  }

  const sendPart = async (number: number): Promise<void> => {
    const part = file.slice((number - 1) * partBytes, number * partBytes)
    const sha256 = await sha256Of(part)
    const stored = sent.find(known => known.number === number)
    if (stored?.sizeBytes === part.size && (stored.sha256 ?? sha256) === sha256) {
      report(number, part.size)
      return
    }
    const [target] = await calls.call('music-upload.signParts', { uploadId, parts: [{ number, sha256 }] })
    await putOnce(target, part, bytes => report(number, bytes), stop)
  }

  let next = 0
  const sendNextParts = async (): Promise<void> => {
    while (next < count && !stop.aborted) {
      const number = (next += 1)
      await retry(() => sendPart(number), stop).catch((error: unknown) => failed.abort(error))
    }
  }
  await Promise.all(Array.from({ length: parallelParts }, sendNextParts))
  // Throw the first error; it has stopped the other parts.
  stop.throwIfAborted()
}
