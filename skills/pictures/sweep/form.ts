/** The keys that are ours below `pictures/`. */
export const drawnForm = /^pictures\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\//

/** The id of the picture that a key is of. */
export const idIn = (key: string | undefined): string | undefined =>
  key === undefined ? undefined : drawnForm.exec(key)?.[1]
