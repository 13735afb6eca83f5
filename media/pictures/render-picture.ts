import { classifyDecoderError } from './classify-decoder-error'
import { loadSharp, type Sharp } from './load-sharp'
import { detectFormat } from './detect-format'
import { refuseScanBomb } from './refuse-scan-bomb'
import { type PictureFile, picturePixelsMax, pictureSideMin, pictureSizes } from './picture-files'
import { Rejection } from './rejection'

export interface RenderedPicture {
  files: Record<PictureFile, Buffer>
  /** The dominant color, `#rrggbb`. */
  color: string
}

/**
 * Renders a picture: first frame, upright, center square, in sRGB on white, in three sizes and two formats. Drops
 * everything else of the file: metadata (such as its location), color profile, trailing bytes. A decoder crash takes
 * this process down: use `renderIsolated` for untrusted files.
 * @throws Rejection; SuspectedRejection when memory ran out; another error when the machine is at fault
 */
export const renderPicture = (bytes: Buffer): Promise<RenderedPicture> =>
  renderAll(bytes).catch((error: unknown) => {
    throw classifyDecoderError(error)
  })

async function renderAll(bytes: Buffer): Promise<RenderedPicture> {
  const format = detectFormat(bytes)
  if (format === undefined) throw new Rejection('unsupported_format')
  if (format === 'jpeg') refuseScanBomb(bytes)
  const sharp = await loadSharp()
  const largest = await cutSquare(sharp, bytes, format)
  const files = new Map<string, Buffer>()
  for (const size of pictureSizes) {
    const scaled = () => fromPixels(sharp, largest).resize(Math.min(size, largest.info.width))
    files.set(`${size}.webp`, await scaled().webp({ quality: 80 }).toBuffer())
    files.set(`${size}.jpg`, await scaled().jpeg({ quality: 82, progressive: true }).toBuffer())
  }
  const { dominant } = await fromPixels(sharp, largest).resize(64).stats()
  return { files: Object.fromEntries(files) as RenderedPicture['files'], color: hexOf(dominant) }
}

interface Pixels {
  data: Buffer
  info: { width: number; height: number; channels: 1 | 2 | 3 | 4 }
}

const fromPixels = (sharp: Sharp, { data, info: { width, height, channels } }: Pixels) =>
  sharp(data, { raw: { width, height, channels } })

/** The largest square that is served, as raw pixels, so that the file is decoded once. */
async function cutSquare(sharp: Sharp, bytes: Buffer, format: string): Promise<Pixels> {
  // Check the header before decoding anything.
  const claimed = await sharp(bytes, { limitInputPixels: false }).metadata()
  if (claimed.format !== format) throw new Rejection('unsupported_format')
  if (claimed.width * claimed.height > picturePixelsMax) throw new Rejection('too_many_pixels')
  const shorter = Math.min(claimed.width, claimed.height)
  if (shorter < pictureSideMin) throw new Rejection('too_small')
  const side = Math.min(shorter, pictureSizes[0])
  return sharp(bytes, { limitInputPixels: picturePixelsMax, failOn: 'error', autoOrient: true })
    .resize({ width: side, height: side, fit: 'cover' })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
}

const hexOf = ({ r, g, b }: { r: number; g: number; b: number }): string =>
  `#${[r, g, b].map(part => part.toString(16).padStart(2, '0')).join('')}`
