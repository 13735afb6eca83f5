export type PictureFormat = 'jpeg' | 'png' | 'webp' | 'gif'

/**
 * Detects the format from the first bytes; undefined when it is none of the four. Runs before any decoder, so that
 * decoders for other formats (SVG, TIFF, HEIF…) never get untrusted input.
 */
export function detectFormat(bytes: Buffer): PictureFormat | undefined {
  const begins = (text: string, at = 0) => bytes.toString('latin1', at, at + text.length) === text
  if (begins('\xff\xd8\xff')) return 'jpeg'
  if (begins('\x89PNG\r\n\x1a\n')) return 'png'
  if (begins('RIFF') && begins('WEBP', 8)) return 'webp'
  if (begins('GIF87a') || begins('GIF89a')) return 'gif'
  return undefined
}
