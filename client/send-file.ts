import { type Calls } from './calls'
import { persist } from './persist'
import { ownProblem, TuttiProblem } from './problem'
import { type PutPlace, putFile } from './put-file'

export interface SendingOptions {
  /**
   * Called with the sent bytes, including those of an earlier attempt. Never decreases: while a part is sent again it does not change.
   * Reaches `totalBytes` before the upload resolves.
   */
  onProgress?: (sentBytes: number, totalBytes: number) => void
  /** Cancels the upload: throws `upload_cancelled` and aborts it on the server. */
  signal?: AbortSignal
}

/** The steps after an upload is initiated. */
export interface Sending<T> {
  /** Sends the file; stops when the signal aborts. */
  send: (signal: AbortSignal) => Promise<void>
  /** Tells the server that the file is complete. */
  finalize: () => Promise<T>
  /** Aborts the upload on the server. */
  withdraw: () => Promise<unknown>
}

/**
 * Sends and finalizes; aborts when either fails. Retries `finalize`, because the object store may need time to assemble the parts; the
 * server continues where it was.
 * @throws TuttiProblem of the calls; `upload_failed`, `upload_cancelled`, `closed`
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
 * PUTs a file; retries with a newly signed URL, because the store may close the connection on an expired URL before it responds.
 * Without `target` starts with `renew`.
 */
export async function sendWhole(
  file: Blob,
  target: PutPlace | null | undefined,
  renew: () => Promise<{ put: PutPlace }>,
  onProgress: (sentBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let next = target
  await persist(async () => {
    const to = next ?? (await renew()).put
    next = undefined
    await sendTo(to, file, onProgress, signal)
  }, signal)
}

/** PUTs a file or a part once. @throws Error when the store refuses it */
export async function sendTo(
  target: PutPlace | undefined,
  file: Blob,
  onProgress: (sentBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const status = target && (await putFile(target, file, onProgress, signal))
  // 412: an earlier attempt whose response was lost has stored it. The server checks the stored object anyway.
  if (status !== 200 && status !== 412) throw new Error(`the object store answered ${status}`)
  onProgress(file.size)
}

/** Wraps `onProgress` so that it only reports increases. */
export function rising({ onProgress }: SendingOptions, totalBytes: number): (sentBytes: number) => void {
  let most = 0
  return sentBytes => {
    if (sentBytes > most) onProgress?.((most = sentBytes), totalBytes)
  }
}
