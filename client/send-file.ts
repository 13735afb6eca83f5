import { type Calls } from './calls'
import { persist } from './persist'
import { ownProblem, TuttiProblem } from './problem'
import { type PutPlace, putFile } from './put-file'

export interface SendingOptions {
  /**
   * Hears how many of all bytes have been handed over, what an earlier try has sent included. It never goes back: while
   * something is sent once more it stands still. All bytes are told before the sending resolves.
   */
  onProgress?: (sentBytes: number, totalBytes: number) => void
  /** Ends the sending with `upload_cancelled`, and gives up what was announced. */
  signal?: AbortSignal
}

/** What is left to do when a file is announced. */
export interface Sending<T> {
  /** Until the signal aborts. */
  send: (signal: AbortSignal) => Promise<void>
  /** Says that it is there. */
  finalize: () => Promise<T>
  withdraw: () => Promise<unknown>
}

/**
 * Does the first two, and the third when one of them fails. The store may take its time to make one file of many parts, so
 * `finalize` is asked again: the server goes on from there.
 * @throws TuttiProblem of the calls that are made; `upload_failed`, `upload_cancelled`, `closed`
 */
export async function sendOrWithdraw<T>(
  { closing }: Calls,
  { send, finalize, withdraw }: Sending<T>,
  signal?: AbortSignal,
): Promise<T> {
  const stop = AbortSignal.any(signal ? [signal, closing] : [closing])
  try {
    await send(stop)
    stop.throwIfAborted()
    return await persist(finalize, stop)
  } catch (cause) {
    await withdraw().catch(() => undefined)
    if (signal?.aborted) throw ownProblem('upload_cancelled', 'the file was not sent', cause)
    throw cause instanceof TuttiProblem ? cause : ownProblem('upload_failed', 'the file was not sent', cause)
  }
}

/**
 * PUTs a file, and once more for a while when that fails, with a URL signed anew: of one that has run out, the store may hang
 * up before it has said so. Without a place it begins with `renew`.
 */
export async function sendWhole(
  file: Blob,
  place: PutPlace | null | undefined,
  renew: () => Promise<{ put: PutPlace }>,
  onProgress: (sentBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let next = place
  await persist(async () => {
    const to = next ?? (await renew()).put
    next = undefined
    await sendTo(to, file, onProgress, signal)
  }, signal)
}

/** PUTs a file or a part of one. @throws Error when the store does not take it. */
export async function sendTo(
  place: PutPlace | undefined,
  file: Blob,
  onProgress: (sentBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const status = place && (await putFile(place, file, onProgress, signal))
  // An earlier try whose answer was lost has put it there (412): the server looks at what is there anyhow.
  if (status !== 200 && status !== 412) throw new Error(`the object store answered ${status}`)
  onProgress(file.size)
}

/** Tells of nothing that was told before. */
export function rising({ onProgress }: SendingOptions, totalBytes: number): (sentBytes: number) => void {
  let most = 0
  return sentBytes => {
    if (sentBytes > most) onProgress?.((most = sentBytes), totalBytes)
  }
}
