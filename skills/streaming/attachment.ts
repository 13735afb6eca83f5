/** The Content-Disposition of a download (RFC 6266): any name, and one in ASCII for those who know no other. */
export const attachment = (fileName: string): string =>
  `attachment; filename="${asciiOf(fileName)}"; filename*=UTF-8''${extended(fileName)}`

/** A name that every file system takes, after the title; the extension is that of the key. */
export function fileNameOf(title: string, key: string): string {
  const [, extension = ''] = /(\.\w{1,5})$/.exec(key) ?? []
  const words = title
    .replace(/[/\\:*?"<>|\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .replace(/^[. ]+/, '')
  // 150 characters of up to four bytes would be too long for most file systems.
  return (shortened(words, 150).replace(/[. ]+$/, '') || 'track') + extension
}

function shortened(text: string, bytesMax: number): string {
  let short = ''
  for (const character of text) {
    if (Buffer.byteLength(short + character) > bytesMax) break
    short += character
  }
  return short
}

const asciiOf = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\x20-\x7e]|["\\%]/gu, '_')

/** RFC 8187: what `encodeURIComponent` leaves alone of what must be escaped. */
const extended = (text: string): string =>
  encodeURIComponent(text).replace(/['()*]/g, mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
