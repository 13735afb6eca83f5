/** Keys of rendered files. */
export const drawnForm = /^pictures\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\//

/** The picture id in a key. */
export const idIn = (key: string | undefined): string | undefined =>
  key === undefined ? undefined : drawnForm.exec(key)?.[1]
