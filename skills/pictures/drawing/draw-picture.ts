import { type PictureFile, picturePixelsMax, pictureSideMin, pictureSizes } from '../rules'
import { blame } from './blame'
import { loadSharp, type Sharp } from './load-sharp'
import { recognise } from './recognise'
import { refuseScanBomb } from './refuse-scan-bomb'
import { Rejection } from './rejection'

export interface Drawn {
  files: Record<PictureFile, Buffer>
  /** The dominant one, `#rrggbb`. */
  color: string
}

/**
 * A picture drawn anew: the first frame, the right way up, a square from its middle, in sRGB on white, in three sizes and
 * two formats. Nothing of the file itself gets through: no metadata (where it was taken), no profile, no bytes behind its end.
 * Whatever a decoder does to the process happens to ours: for foreign files see `draw-apart.ts`.
 * @throws Rejection; Suspicion when there was too little memory; another error when the machine is at fault.
 */
export const drawPicture = (bytes: Buffer): Promise<Drawn> =>
  draw(bytes).catch((error: unknown) => {
    throw blame(error)
  })

async function draw(bytes: Buffer): Promise<Drawn> {
  const format = recognise(bytes)
  if (format === undefined) throw new Rejection('not_a_picture')
  if (format === 'jpeg') refuseScanBomb(bytes)
  const sharp = await loadSharp()
  const largest = await cutSquare(sharp, bytes, format)
  const made = new Map<string, Buffer>()
  for (const size of pictureSizes) {
    const scaled = () => open(sharp, largest).resize(Math.min(size, largest.info.width))
    made.set(`${size}.webp`, await scaled().webp({ quality: 80 }).toBuffer())
    made.set(`${size}.jpg`, await scaled().jpeg({ quality: 82, progressive: true }).toBuffer())
  }
  const { dominant } = await open(sharp, largest).resize(64).stats()
  return { files: Object.fromEntries(made) as Drawn['files'], color: hexOf(dominant) }
}

interface Pixels {
  data: Buffer
  info: { width: number; height: number; channels: 1 | 2 | 3 | 4 }
}

const open = (sharp: Sharp, { data, info: { width, height, channels } }: Pixels) =>
  sharp(data, { raw: { width, height, channels } })

/** The largest square that is served, as bare pixels: the file is decoded once. */
async function cutSquare(sharp: Sharp, bytes: Buffer, format: string): Promise<Pixels> {
  // The header alone: what it claims is judged before anything is decoded.
  const claimed = await sharp(bytes, { limitInputPixels: false }).metadata()
  if (claimed.format !== format) throw new Rejection('not_a_picture')
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
