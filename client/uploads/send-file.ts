import { type Calls } from '../calls/calls'
import { retry } from './retry'
import { clientProblem, TuttiProblem } from '../problem'
import { type SignedPut, putFile } from './put-file'

export interface TransferOptions {
  /**
   * Called with the sent bytes, including those of an earlier attempt. Never decreases: while a part is sent again it does not change.
   * Reaches `totalBytes` before the upload resolves.
   */
  onProgress?: (sentBytes: number, totalBytes: number) => void
  /** Cancels the upload: throws `upload_canceled` and aborts it on the server. */
  signal?: AbortSignal
}

/** The steps after an upload is initiated. */
export interface UploadSteps<T> {
  /** Sends the file; stops when the signal aborts. */
  send: (signal: AbortSignal) => Promise<void>
  /** Tells the server that the file is complete. */
  finalize: () => Promise<T>
  /** Aborts the upload on the server. */
  abort: () => Promise<unknown>
}

/**
 * Sends and finalizes; aborts when either fails. Retries `finalize`, because the object store may need time to assemble the parts; the
 * server continues where it was.
 * @throws TuttiProblem of the calls; `upload_failed`, `upload_canceled`, `closed`
 */
export async function sendAndFinalize<T>(
  { closed }: Calls,
  { send, finalize, abort }: UploadSteps<T>,
  signal?: AbortSignal,
): Promise<T> {
  const stop = AbortSignal.any(signal ? [signal, closed] : [closed])
  try {
    await send(stop)
    stop.throwIfAborted()
    return await retry(finalize, stop)
  } catch (cause) {
    await abort().catch(() => undefined)
    if (signal?.aborted) throw clientProblem('upload_canceled', 'the file was not sent', cause)
    throw cause instanceof TuttiProblem ? cause : clientProblem('upload_failed', 'the file was not sent', cause)
  }
}

/**
 * PUTs a file; retries with a newly signed URL, because the store may close the connection on an expired URL before it responds.
 * Without `target` starts with `renew`.
 */
export async function putWithRetry(
  file: Blob,
  target: SignedPut | null | undefined,
  renew: () => Promise<{ putRequest: SignedPut }>,
  onProgress: (sentBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let next = target
  await retry(async () => {
    const to = next ?? (await renew()).putRequest
    next = undefined
    await putOnce(to, file, onProgress, signal)
  }, signal)
}

/** PUTs a file or a part once. @throws Error when the store refuses it */
export async function putOnce(
  target: SignedPut | undefined,
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
export function monotonicProgress({ onProgress }: TransferOptions, totalBytes: number): (sentBytes: number) => void {
  let most = 0
  return sentBytes => {
    if (sentBytes > most) onProgress?.((most = sentBytes), totalBytes)
  }
}
