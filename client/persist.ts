import { backoffMs } from './backoff'
import { asProblem } from './problem'

const triesMax = 8
/** Of this client's own problems: it was closed, or the file cannot be read. */
const hopeless = ['closed', 'upload_failed']

/**
 * Tries again what may well succeed later, with longer and longer pauses: of up to 36 s in all, or what servers ask for.
 * @throws what the last try threw; the signal's reason once it aborts
 */
export async function persist<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt()
    } catch (error) {
      signal?.throwIfAborted()
      const { isTemporary, code, retryAfter } = asProblem(error)
      if (!isTemporary || hopeless.includes(code) || failures + 1 === triesMax) throw error
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
