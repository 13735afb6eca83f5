import { clientProblem } from '../problem'

export const asBlob = (file: Blob | Uint8Array): Blob => (file instanceof Blob ? file : new Blob([file]))

/**
 * SHA-256 in hex. Reads the whole blob into memory; in browsers works on https pages only.
 * @throws TuttiProblem `upload_failed` when the file cannot be read, for example because it changed on disk after selection
 */
export async function sha256Of(blob: Blob): Promise<string> {
  try {
    const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())
    return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
  } catch (cause) {
    throw clientProblem('upload_failed', 'the file could not be read', cause)
  }
}
