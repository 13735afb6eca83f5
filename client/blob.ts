export const asBlob = (file: Blob | Uint8Array): Blob => (file instanceof Blob ? file : new Blob([file]))

/** In hex, over all of it in memory; in browsers on https pages only. */
export async function sha256Of(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
}
