/** Keys of rendered files. */
export const pictureKeyPattern = /^pictures\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\//

/** The picture id in a key. */
export const pictureIdOf = (key: string | undefined): string | undefined =>
  key === undefined ? undefined : pictureKeyPattern.exec(key)?.[1]
