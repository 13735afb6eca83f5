import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { type RejectionCode } from '../../../media/pictures/rejection'
import { pngClaimingSize, heaviestPng, plainPicture, plainPng, pngOf, withChunk } from '../../make-pictures'

/** The expected result for a file: 'taken', or its rejection code. */
export type ExpectedOutcome = 'taken' | RejectionCode

/** A description, the expected result, and the bytes. `trap` is a URL that must not be requested. */
export type HostilePicture = readonly [
  what: string,
  fate: ExpectedOutcome,
  make: (trap: string) => Promise<Buffer> | Buffer,
]

const text = (words: string): Buffer => Buffer.from(words, 'latin1')
const jpeg = (): Promise<Buffer> => plainPicture().jpeg().toBuffer()
const gif = (): Promise<Buffer> => plainPicture().gif().toBuffer()
const webp = (): Promise<Buffer> => plainPicture().webp().toBuffer()
const zip = text(`PK\x03\x04\x14${'\0'.repeat(25)}PK\x05\x06${'\0'.repeat(18)}`)

/** Programs, documents and other formats whose file name claims one of our four formats. */
const disguised: readonly HostilePicture[] = [
  ['SVG that fetches', 'unsupported_format', trap => text(svg(trap))],
  ['SVG behind a byte order mark', 'unsupported_format', trap => text(`\xef\xbb\xbf<?xml version="1.0"?>${svg(trap)}`)],
  [
    'SVG with an entity of elsewhere',
    'unsupported_format',
    trap => text(`<!DOCTYPE svg [<!ENTITY x SYSTEM "${trap}">]><svg xmlns="http://www.w3.org/2000/svg">&x;</svg>`),
  ],
  ['gzipped SVG', 'unsupported_format', () => Buffer.concat([text('\x1f\x8b\x08\0'), Buffer.alloc(60)])],
  [
    'MVG, which ImageMagick would run',
    'unsupported_format',
    trap => text(`push graphic-context\nviewbox 0 0 640 480\nfill 'url(${trap})'\npop graphic-context\n`),
  ],
  ['MSL, which ImageMagick would run', 'unsupported_format', trap => text(`<image><read filename="${trap}"/></image>`)],
  ['PostScript', 'unsupported_format', () => text('%!PS-Adobe-3.0 EPSF-3.0\n(%pipe%id) (r) file\nshowpage\n')],
  [
    'PDF',
    'unsupported_format',
    trap => text(`%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/URI/URI(${trap})>>>>endobj\ntrailer<</Root 1 0 R>>`),
  ],
  ['HTML', 'unsupported_format', () => text('<!doctype html><script>alert(1)</script>')],
  ['a program', 'unsupported_format', () => text('\x7fELF\x02\x01\x01'.padEnd(400, '\0'))],
  ['an archive', 'unsupported_format', () => zip],
  ['an archive before a picture', 'unsupported_format', async () => Buffer.concat([zip, await jpeg()])],
  ['TIFF', 'unsupported_format', () => plainPicture().tiff().toBuffer()],
  ['AVIF', 'unsupported_format', () => plainPicture({ width: 128, height: 128 }).avif().toBuffer()],
  ['HEIC', 'unsupported_format', () => text('\0\0\0\x18ftypheic\0\0\0\0heicmif1'.padEnd(200, '\0'))],
  ['BMP', 'unsupported_format', () => text('BM'.padEnd(200, '\0'))],
  ['ICO', 'unsupported_format', () => text('\0\0\x01\0\x01\0'.padEnd(200, '\0'))],
  ['PSD', 'unsupported_format', () => text('8BPS\0\x01'.padEnd(200, '\0'))],
  ['JPEG XL', 'unsupported_format', () => text('\xff\x0a'.padEnd(200, '\0'))],
  ['JPEG 2000', 'unsupported_format', () => text('\0\0\0\x0cjP  \r\n\x87\n'.padEnd(200, '\0'))],
  ['a video', 'unsupported_format', () => text('\0\0\0\x18ftypmp42\0\0\0\0isommp42'.padEnd(200, '\0'))],
  ['a playlist', 'unsupported_format', trap => text(`#EXTM3U\n#EXTINF:5,\n${trap}\n`)],
  ['nothing', 'unsupported_format', () => Buffer.alloc(0)],
  ['HTML behind the first bytes of a JPEG', 'damaged', () => text('\xff\xd8\xff<script>alert(1)</script>')],
  ['HTML behind the first bytes of a PNG', 'damaged', () => text('\x89PNG\r\n\x1a\n<script>alert(1)</script>')],
  ['HTML behind the first bytes of a GIF', 'damaged', () => text('GIF89a<script>alert(1)</script>')],
  ['HTML behind the first bytes of a WebP', 'damaged', () => text('RIFF\xff\0\0\0WEBP<script>alert(1)</script>')],
]

const svg = (trap: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="500" height="500">
   <image width="500" height="500" xlink:href="${trap}"/><script>fetch("${trap}")</script></svg>`

/** Polyglots: pictures that are also something else. They are re-encoded, so only the picture remains. */
const twofold: readonly HostilePicture[] = [
  ['a JPEG and an archive', 'taken', async () => Buffer.concat([await jpeg(), zip])],
  ['a PNG and a page', 'taken', async () => Buffer.concat([await plainPng(), text('<script>alert(1)</script>')])],
  ['a WebP and an archive', 'taken', async () => Buffer.concat([await webp(), zip])],
  ['a GIF and a script', 'taken', async () => Buffer.concat([await gif(), text('*/=1;/*<script>*/alert(1)')])],
  [
    'a JPEG with a program in a comment',
    'taken',
    async () => withSegment(await jpeg(), 0xfe, text('<?php system(1)?>')),
  ],
  [
    'a JPEG whose XMP names an entity of elsewhere',
    'taken',
    async trap =>
      withSegment(
        await jpeg(),
        0xe1,
        text(`http://ns.adobe.com/xap/1.0/\0<!DOCTYPE x [<!ENTITY y SYSTEM "${trap}">]><x>&y;</x>`),
      ),
  ],
  [
    'a PNG whose XMP names an entity of elsewhere',
    'taken',
    async trap =>
      withChunk(
        await plainPng(),
        'iTXt',
        text(`XML:com.adobe.xmp\0\0\0\0\0<!DOCTYPE x [<!ENTITY y SYSTEM "${trap}">]><x>&y;</x>`),
      ),
  ],
]

/** Decompression bombs: small files that decode to large pictures or take much CPU time. */
const bombs: readonly HostilePicture[] = [
  ['a PNG that claims 2.5 gigapixels', 'too_many_pixels', () => pngClaimingSize(50_000, 50_000)],
  ['a PNG a column beyond 25 megapixels', 'too_many_pixels', () => plainPng({ width: 5_001, height: 5_000 })],
  [
    'a JPEG a row beyond 25 megapixels',
    'too_many_pixels',
    () => plainPicture({ width: 5_000, height: 5_001 }).jpeg().toBuffer(),
  ],
  ['a JPEG of which only the header has grown', 'too_many_pixels', async () => grownJpeg(await jpeg())],
  ['a WebP that claims 268 megapixels', 'damaged', async () => grownWebp(await webp())],
  ['a GIF of 65,535 squared', 'too_many_pixels', async () => grownGif(await gif())],
  ['a JPEG of 2,646 scans', 'processing_timeout', () => scanBomb(2_646)],
  ['a JPEG of 101 scans, with something between', 'processing_timeout', async () => loosened(await scanBomb(100))],
  ['a JPEG of 90 scans, and a video behind it', 'taken', async () => withVideo(await scanBomb(89))],
  ['a PNG of 100,000 comments', 'taken', async () => withChunk(await plainPng(), 'tEXt', text('Comment\0x'), 100_000)],
  [
    'a PNG with a profile of 200 MB',
    'taken',
    async () =>
      withChunk(await plainPng(), 'iCCP', Buffer.concat([text('evil\0\0'), deflateSync(Buffer.alloc(200_000_000))])),
  ],
  [
    'a PNG with 100 MB behind its last row',
    'taken',
    () => pngOf({ width: 200, height: 200 }, deflateSync(Buffer.alloc(200 * 601 + 100_000_000))),
  ],
  ['a GIF of 20,000 frames', 'taken', async () => framesGif(await gif(), 20_000)],
]

/** Valid pictures that look hostile or are as large as allowed, and pictures that are too small. */
const edges: readonly HostilePicture[] = [
  ['one pixel', 'too_small', () => plainPng({ width: 1, height: 1 })],
  ['a line', 'too_small', () => plainPng({ width: 10_000, height: 1 })],
  ['a strip', 'taken', () => plainPng({ width: 10_000, height: 100 })],
  ['a strip of exactly 25 megapixels', 'taken', () => plainPng({ width: 250_000, height: 100 })],
  ['exactly 25 megapixels', 'taken', () => plainPicture({ width: 5_000, height: 5_000 }).jpeg().toBuffer()],
  ['as much as 25 megapixels can be: four channels of 16 bits, interlaced', 'taken', heaviestPng],
  ['a JPEG in CMYK', 'taken', () => plainPicture().toColourspace('cmyk').jpeg().toBuffer()],
  ['a PNG of 16 bits', 'taken', () => plainPicture().toColourspace('rgb16').png().toBuffer()],
  [
    'a JPEG that tells its place, and holds a smaller one',
    'taken',
    async () => {
      const inner = withSegment(
        await plainPicture({ width: 160, height: 120 }).jpeg().toBuffer(),
        0xfe,
        text('<script>'),
      )
      return withSegment(await jpeg(), 0xe1, Buffer.concat([located(), inner]))
    },
  ],
  ['a JPEG that is to be turned nobody knows how', 'taken', async () => withSegment(await jpeg(), 0xe1, turned(99))],
  ['a JPEG whose EXIF turns in a circle', 'taken', async () => withSegment(await jpeg(), 0xe1, circle())],
  [
    'a JPEG with a profile in 255 pieces, of which one is there',
    'taken',
    async () => withSegment(await jpeg(), 0xe2, piece()),
  ],
]

/** Truncated and inconsistent files. */
const broken: readonly HostilePicture[] = [
  ['a JPEG that was cut off', 'damaged', async () => half(await noise().jpeg().toBuffer())],
  ['a PNG that was cut off', 'damaged', async () => half(await noise().png().toBuffer())],
  ['a WebP that was cut off', 'damaged', async () => half(await noise().webp().toBuffer())],
  ['a GIF that was cut off', 'damaged', async () => half(await noise().gif().toBuffer())],
  ['a JPEG without rows', 'damaged', async () => sized(await jpeg(), 0, 320)],
  ['a JPEG that says it is lossless', 'damaged', async () => withFrameType(await jpeg(), 0xc3)],
  ['a JPEG of 12 bits', 'damaged', async () => withPrecision(await jpeg(), 12)],
  ['a PNG without columns', 'damaged', () => pngOf({ width: 0, height: 200 }, deflateSync(Buffer.alloc(200)))],
  ['a PNG without data', 'damaged', () => pngOf({ width: 200, height: 200 }, Buffer.alloc(0))],
  ['a GIF without frames', 'damaged', () => text('GIF89a\xc8\0\xc8\0\0\0\0;')],
]

export const hostilePictures: readonly HostilePicture[] = [...disguised, ...twofold, ...bombs, ...edges, ...broken]

const noise = () =>
  sharp({
    create: {
      width: 300,
      height: 300,
      channels: 3,
      background: '#888',
      noise: { type: 'gaussian', mean: 128, sigma: 60 },
    },
  })

const half = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length / 2)

/** Inserts a segment after the start of a JPEG. */
export function withSegment(jpeg: Buffer, marker: number, data: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 255])
  return Buffer.concat([jpeg.subarray(0, 2), head, data, jpeg.subarray(2)])
}

/** The offset of the frame header (SOF marker) of a JPEG. */
const frameOf = (jpeg: Buffer): number =>
  Math.max(jpeg.indexOf(Buffer.from([0xff, 0xc0, 0])), jpeg.indexOf(Buffer.from([0xff, 0xc2, 0])))

function sized(jpeg: Buffer, height: number, width: number): Buffer {
  const at = frameOf(jpeg)
  jpeg.writeUInt16BE(height, at + 5)
  jpeg.writeUInt16BE(width, at + 7)
  return jpeg
}

const grownJpeg = (jpeg: Buffer): Buffer => sized(jpeg, 65_500, 65_500)

function withFrameType(jpeg: Buffer, type: number): Buffer {
  jpeg[frameOf(jpeg) + 1] = type
  return jpeg
}

function withPrecision(jpeg: Buffer, bits: number): Buffer {
  jpeg[frameOf(jpeg) + 4] = bits
  return jpeg
}

/** Adds the header of an extended WebP with a larger canvas. */
function grownWebp(webp: Buffer): Buffer {
  const canvas = Buffer.alloc(18)
  canvas.write('VP8X')
  canvas.writeUInt32LE(10, 4)
  canvas.writeUIntLE(16_383, 12, 3)
  canvas.writeUIntLE(16_383, 15, 3)
  const all = Buffer.concat([webp.subarray(0, 12), canvas, webp.subarray(12)])
  all.writeUInt32LE(all.length - 8, 4)
  return all
}

/** Enlarges the canvas and the first frame of a GIF. */
function grownGif(gif: Buffer): Buffer {
  for (const at of [6, gif.indexOf(Buffer.from([0x2c, 0, 0, 0, 0])) + 5]) {
    gif.writeUInt16LE(65_535, at)
    gif.writeUInt16LE(65_535, at + 2)
  }
  return gif
}

function framesGif(gif: Buffer, count: number): Buffer {
  const frame = gif.subarray(gif.indexOf(Buffer.from([0x2c, 0, 0, 0, 0])), gif.length - 1)
  return Buffer.concat([gif.subarray(0, gif.length - 1), ...Array.from({ length: count }, () => frame), text(';')])
}

const tiff = (...words: number[]): Buffer => {
  const bytes = Buffer.alloc(words.length * 2)
  words.forEach((word, index) => bytes.writeUInt16BE(word, index * 2))
  return Buffer.concat([text('Exif\0\0'), bytes])
}
const turned = (orientation: number): Buffer => tiff(0x4d4d, 42, 0, 8, 1, 0x0112, 3, 0, 1, orientation, 0, 0, 0)
/** EXIF with a GPS directory: GPSLatitudeRef N. */
const located = (): Buffer =>
  tiff(...[0x4d4d, 42, 0, 8, 1, 0x8825, 4, 0, 1, 0, 26, 0, 0], ...[1, 1, 2, 0, 2, 0x4e00, 0, 0, 0])
const circle = (): Buffer => tiff(0x4d4d, 42, 0, 8, 1, 0x8769, 4, 0, 1, 0, 8, 0, 8)
const piece = (): Buffer => Buffer.concat([text('ICC_PROFILE\0\x01\xff'), Buffer.alloc(200)])

/** Inserts bytes that libjpeg skips; they must not hide the scans after them. */
function loosened(jpeg: Buffer): Buffer {
  const at = jpeg.indexOf(Buffer.from([0xff, 0xda]))
  const between = Buffer.from([0x12, 0x34, 0xff, 0x00, 0xff, 0xff])
  return Buffer.concat([jpeg.subarray(0, at), between, jpeg.subarray(at)])
}

/** Appends a video, as phones do. Its bytes look like starts of scans, but are not part of the picture. */
const withVideo = (jpeg: Buffer): Buffer =>
  Buffer.concat([jpeg, Buffer.alloc(100_000, Buffer.from([0xff, 0xda, 0, 8]))])

/**
 * A progressive JPEG of 25 megapixels in a few kilobytes: each scan refines all coefficients of one frequency, which are 0, by
 * one bit, so that the decoder visits all blocks. 2,646 scans took 10.6 s.
 */
async function scanBomb(scans: number): Promise<Buffer> {
  const jpeg = await plainPicture({ width: 5_000, height: 5_000 })
    .jpeg({ progressive: true, chromaSubsampling: '4:4:4' })
    .toBuffer()
  const isEmpty = (at: number) => jpeg[at + 4] === 1 && (jpeg[at + 7] ?? 0) > 0
  let first = jpeg.indexOf(Buffer.from([0xff, 0xda]))
  while (!isEmpty(first)) first = jpeg.indexOf(Buffer.from([0xff, 0xda]), first + 2)
  let end = first + 10
  while (jpeg[end] !== 0xff || jpeg[end + 1] === 0) end += 1
  const [table, data] = [jpeg[first + 6] ?? 0, jpeg.subarray(first + 10, end)]
  const bomb = [1, 2, 3].flatMap(component =>
    Array.from({ length: 63 * 14 }, (_, n) => {
      const [frequency, bit] = [1 + Math.floor(n / 14), 13 - (n % 14)]
      const bits = bit === 13 ? bit : ((bit + 1) << 4) | bit
      return Buffer.concat([Buffer.from([0xff, 0xda, 0, 8, 1, component, table, frequency, frequency, bits]), data])
    }),
  )
  return Buffer.concat([jpeg.subarray(0, first), ...bomb.slice(0, scans), Buffer.from([0xff, 0xd9])])
}
