/** Content-Disposition of a download (RFC 6266), with an ASCII fallback for clients without RFC 8187. */
export const contentDisposition = (fileName: string): string =>
  `attachment; filename="${asciiOf(fileName)}"; filename*=UTF-8''${extended(fileName)}`

/** A file name that every file system accepts, from the title and the extension of the key. */
export function downloadFileName(title: string, key: string): string {
  const [, extension = ''] = /(\.\w{1,5})$/.exec(key) ?? []
  const words = title
    .replace(/[/\\:*?"<>|\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .replace(/^[. ]+/, '')
  // In bytes: 150 characters of up to four bytes exceed the limit of most file systems.
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

/** RFC 8187 escapes some characters that `encodeURIComponent` leaves. */
const extended = (text: string): string =>
  encodeURIComponent(text).replace(/['()*]/g, mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
