import { ownProblem, TuttiProblem } from './problem'
import { type PutPlace, putFile } from './put-file'

/** PUTs a file or a part of one. @throws Error when the store does not take it. */
export async function sendTo(
  place: PutPlace | null | undefined,
  file: Blob,
  onProgress: (sentBytes: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const status = place && (await putFile(place, file, onProgress, signal))
  // An earlier try whose answer was lost has put it there (412): the server looks at what is there anyhow.
  if (status !== 200 && status !== 412) throw new Error(`the object store answered ${status}`)
}

/**
 * Sends what was announced. When that fails, `withdraw` gives it up.
 * @throws TuttiProblem of the calls that are made; `upload_failed`, `upload_cancelled`
 */
export async function sendOrWithdraw(
  sending: Promise<void>,
  withdraw: () => Promise<unknown>,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await sending
  } catch (cause) {
    await withdraw().catch(() => undefined)
    if (signal?.aborted) throw ownProblem('upload_cancelled', 'the file was not sent', cause)
    throw cause instanceof TuttiProblem ? cause : ownProblem('upload_failed', 'the file was not sent', cause)
  }
}
