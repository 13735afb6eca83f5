import { backoffMs } from '../backoff'
import { asProblem } from '../problem'

const attemptsMax = 8
/** Problems with status 0 that a retry cannot solve: the client was closed, or the file cannot be read. */
const permanent = ['client_closed', 'upload_failed']

/**
 * Retries temporary problems up to 8 times with exponential back-off, up to 36 s in all, plus the server's `retryAfter`.
 * @throws the error of the last attempt; the signal's reason when it aborts
 */
export async function retry<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt()
    } catch (error) {
      signal?.throwIfAborted()
      const { isTemporary, code, retryAfter } = asProblem(error)
      if (!isTemporary || permanent.includes(code) || failures + 1 === attemptsMax) throw error
      await pause(backoffMs(failures, retryAfter), signal)
      signal?.throwIfAborted()
    }
  }
}

const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end)
  })
