import { deflateSync } from 'node:zlib'
import sharp from 'sharp'

export type Color = { r: number; g: number; b: number }
export const red: Color = { r: 220, g: 20, b: 20 }
export const blue: Color = { r: 20, g: 20, b: 220 }

export interface PictureOptions {
  width?: number
  height?: number
  color?: Color
}

/** A picture in one color, not encoded yet. */
export const plainPicture = ({ width = 320, height = 320, color = red }: PictureOptions = {}) =>
  sharp({ create: { width, height, channels: 3, background: color } })

export const plainPng = (shape?: PictureOptions): Promise<Buffer> => plainPicture(shape).png().toBuffer()

/** The most expensive picture of 25 megapixels: four channels of 16 bits, interlaced. Rendering takes more than a second. */
export const heaviestPng = (): Promise<Buffer> =>
  sharp({ create: { width: 5_000, height: 5_000, channels: 4, background: { ...red, alpha: 0.5 } } })
    .toColourspace('rgb16')
    .png({ progressive: true, compressionLevel: 1 })
    .toBuffer()

/** A picture with an upper half and a lower half of different colors, not encoded yet. */
export async function twoColorPicture(width: number, height: number, upper: Color, lower: Color) {
  const half = await plainPicture({ width, height: Math.floor(height / 2), color: lower })
    .png()
    .toBuffer()
  return plainPicture({ width, height, color: upper }).composite([{ input: half, gravity: 'south' }])
}

/** A PNG whose header claims a size, with data for a few rows only. */
export const pngClaimingSize = (width: number, height: number): Buffer =>
  pngOf({ width, height }, deflateSync(Buffer.alloc(1_000_000)))

/** A PNG with 8 bits per channel, no alpha, and arbitrary image data. */
export function pngOf({ width, height }: { width: number; height: number }, data: Buffer): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))])
}

/** A PNG with an additional chunk after its header, repeated `times` times. */
export function withChunk(png: Buffer, type: string, data: Buffer, times = 1): Buffer {
  const headerEnd = signature.length + 25
  const more = Array.from({ length: times }, () => chunk(type, data))
  return Buffer.concat([png.subarray(0, headerEnd), ...more, png.subarray(headerEnd)])
}

const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const out = Buffer.alloc(body.length + 8)
  out.writeUInt32BE(data.length, 0)
  body.copy(out, 4)
  out.writeUInt32BE(crc32(body), body.length + 4)
  return out
}

function crc32(bytes: Buffer): number {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}
