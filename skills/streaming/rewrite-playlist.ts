/**
 * Rewrites a playlist: replaces the URI of every object beside it with `urlOf(key)`, called once per object,
 * however many byte ranges the playlist lists.
 */
export async function rewritePlaylist(
  playlist: string,
  playlistKey: string,
  urlOf: (key: string) => Promise<string>,
): Promise<string> {
  const folder = playlistKey.slice(0, playlistKey.lastIndexOf('/') + 1)
  const lines = playlist.split(/\r?\n/)
  const names = [...new Set(lines.flatMap(line => uriIn(line) ?? []))]
  const urls = new Map(await Promise.all(names.map(async name => [name, await urlOf(folder + name)] as const)))
  return lines
    .map(line => {
      const name = uriIn(line)
      const url = urls.get(name ?? '')
      if (url === undefined) return line
      return line.startsWith('#') ? line.replace(/([:,]URI=)"[^"]*"/, (_, tag) => `${String(tag)}"${url}"`) : url
    })
    .join('\n')
}

/** The URI of a line: the line itself, or the URI attribute of a tag. */
function uriIn(line: string): string | undefined {
  const uri = line.startsWith('#') ? /[:,]URI="([^"]*)"/.exec(line)?.[1] : line.trim()
  if (uri === undefined || uri === '') return undefined
  // Reject anything else: it would be signed, and so become readable.
  if (!/^[\w-][\w.-]*$/.test(uri)) throw new Error('a playlist refers to an object outside its folder')
  return uri
}
