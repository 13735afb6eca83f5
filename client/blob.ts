import { ownProblem } from './problem'

export const asBlob = (file: Blob | Uint8Array): Blob => (file instanceof Blob ? file : new Blob([file]))

/**
 * In hex, over all of it in memory; in browsers on https pages only.
 * @throws TuttiProblem `upload_failed`, as when a file was changed on disk since it was picked
 */
export async function sha256Of(blob: Blob): Promise<string> {
  try {
    const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())
    return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
  } catch (cause) {
    throw ownProblem('upload_failed', 'the file could not be read', cause)
  }
}
