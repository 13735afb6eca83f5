/**
 * The playlist with every address in it replaced: by what `addressOf` says of the object that it stands for, which lies
 * beside the playlist. Asked once for each object, however many byte ranges of it are listed.
 */
export async function addressed(
  playlist: string,
  playlistKey: string,
  addressOf: (key: string) => Promise<string>,
): Promise<string> {
  const folder = playlistKey.slice(0, playlistKey.lastIndexOf('/') + 1)
  const lines = playlist.split(/\r?\n/)
  const names = [...new Set(lines.flatMap(line => nameIn(line) ?? []))]
  const addresses = new Map(await Promise.all(names.map(async name => [name, await addressOf(folder + name)] as const)))
  return lines
    .map(line => {
      const name = nameIn(line)
      const address = addresses.get(name ?? '')
      if (address === undefined) return line
      return line.startsWith('#')
        ? line.replace(/([:,]URI=)"[^"]*"/, (_, tag) => `${String(tag)}"${address}"`)
        : address
    })
    .join('\n')
}

/** What a line refers to: all of it, or the URI of a tag. */
function nameIn(line: string): string | undefined {
  const uri = line.startsWith('#') ? /[:,]URI="([^"]*)"/.exec(line)?.[1] : line.trim()
  if (uri === undefined || uri === '') return undefined
  // Anything else would be signed, and so opened, without having been meant.
  if (!/^[\w-][\w.-]*$/.test(uri)) throw new Error('a playlist refers to something that does not lie beside it')
  return uri
}
