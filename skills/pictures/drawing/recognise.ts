export type PictureFormat = 'jpeg' | 'png' | 'webp' | 'gif'

/**
 * What the first bytes say that a file is; undefined for all that is none of the four. Looked at before any decoder is, so
 * that those for other formats (SVG, TIFF, HEIF…) never see a byte from outside.
 */
export function recognise(bytes: Buffer): PictureFormat | undefined {
  const begins = (text: string, at = 0) => bytes.toString('latin1', at, at + text.length) === text
  if (begins('\xff\xd8\xff')) return 'jpeg'
  if (begins('\x89PNG\r\n\x1a\n')) return 'png'
  if (begins('RIFF') && begins('WEBP', 8)) return 'webp'
  if (begins('GIF87a') || begins('GIF89a')) return 'gif'
  return undefined
}
