import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { renderPicture } from '../../../media/pictures/render-picture'
import { Rejection } from '../../../media/pictures/rejection'
import { pictureFiles } from '../../../media/pictures/picture-files'
import {
  blue,
  pngClaimingSize,
  type Color,
  twoColorPicture,
  plainPicture,
  plainPng,
  red,
  withChunk,
} from '../../make-pictures'

const outcomeOf = (bytes: Buffer): Promise<string> =>
  renderPicture(bytes).then(
    () => 'taken',
    (error: unknown) => {
      if (error instanceof Rejection) return error.code
      throw error
    },
  )

/** The colour of a rendered file at a relative position. */
async function colorAt(file: Buffer, x: number, y: number): Promise<Color> {
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true })
  const at = (Math.floor(y * info.height) * info.width + Math.floor(x * info.width)) * info.channels
  const [r = 0, g = 0, b = 0] = data.subarray(at, at + 3)
  return { r, g, b }
}

const isLike = (one: Color, other: Color, by = 25): boolean =>
  [one.r - other.r, one.g - other.g, one.b - other.b].every(difference => Math.abs(difference) <= by)

describe('a rendered picture', () => {
  it.each(['jpeg', 'png', 'webp', 'gif'] as const)(
    'is a square of a %s in three sizes and two formats',
    async format => {
      const { files, color } = await renderPicture(
        await plainPicture({ width: 1500, height: 1200 })[format]().toBuffer(),
      )
      expect(Object.keys(files).sort()).toEqual([...pictureFiles].sort())
      for (const file of pictureFiles) {
        const side = Number(/^\d+/.exec(file)?.[0])
        const metadata = await sharp(files[file]).metadata()
        expect(metadata).toMatchObject({
          width: side,
          height: side,
          format: file.endsWith('jpg') ? 'jpeg' : 'webp',
          hasAlpha: false,
        })
        expect(isLike(await colorAt(files[file], 0.5, 0.5), red)).toBe(true)
      }
      expect(color).toMatch(/^#d[0-9a-f]1[0-9a-f]1[0-9a-f]$/)
    },
  )

  it('is never larger than the original', async () => {
    const { files } = await renderPicture(await plainPng({ width: 400, height: 300 }))
    const sides = await Promise.all(pictureFiles.map(async file => (await sharp(files[file]).metadata()).width))
    expect(sides).toEqual([300, 300, 250, 300, 300, 250])
  })

  it('is upright, and has no location or camera metadata', async () => {
    const sent = await (
      await twoColorPicture(400, 300, red, blue)
    )
      .withExif({
        IFD0: { Make: 'Secret Camera', Copyright: 'Secret' },
        IFD3: {
          GPSLatitudeRef: 'N',
          GPSLatitude: '52/1 31/1 0/1',
          GPSLongitudeRef: 'E',
          GPSLongitude: '13/1 24/1 0/1',
        },
      })
      // Orientation 6: shown rotated by 90° clockwise, so the top of the file is on the right.
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer()
    const before = await sharp(sent).metadata()
    expect(before.orientation).toBe(6)
    expect(before.exif?.includes('Secret Camera')).toBe(true)
    const { files } = await renderPicture(sent)
    for (const file of pictureFiles) {
      const { orientation, exif, icc, xmp, iptc } = await sharp(files[file]).metadata()
      expect({ orientation, exif, icc, xmp, iptc }).toEqual({})
      expect(files[file].includes('Exif')).toBe(false)
      expect(files[file].includes('Secret')).toBe(false)
      expect(isLike(await colorAt(files[file], 0.9, 0.5), red)).toBe(true)
      expect(isLike(await colorAt(files[file], 0.1, 0.5), blue)).toBe(true)
    }
  })

  it('is in sRGB for every colour space of the original', async () => {
    const cmyk = await plainPicture().toColourspace('cmyk').jpeg().toBuffer()
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk')
    const wide = await plainPicture().withIccProfile('p3').png().toBuffer()
    const deep = await plainPicture().toColourspace('rgb16').png().toBuffer()
    expect((await sharp(deep).metadata()).depth).toBe('ushort')
    const grey = await plainPicture().greyscale().toColourspace('b-w').png().toBuffer()
    expect((await sharp(grey).metadata()).channels).toBe(1)
    for (const sent of [cmyk, wide, deep]) {
      const { files } = await renderPicture(sent)
      expect(await sharp(files['500.jpg']).metadata()).toMatchObject({ space: 'srgb', depth: 'uchar', channels: 3 })
      expect(isLike(await colorAt(files['500.webp'], 0.5, 0.5), red, 40)).toBe(true)
    }
    const { r, g, b } = await colorAt((await renderPicture(grey)).files['500.jpg'], 0.5, 0.5)
    expect(Math.max(r, g, b) - Math.min(r, g, b)).toBeLessThan(5)
  })

  it('has a white background where the original is transparent', async () => {
    const clear = sharp({ create: { width: 200, height: 200, channels: 4, background: { ...red, alpha: 0 } } })
    for (const sent of [await clear.png().toBuffer(), await clear.webp().toBuffer(), await clear.gif().toBuffer()]) {
      const { files, color } = await renderPicture(sent)
      expect(isLike(await colorAt(files['250.webp'], 0.5, 0.5), { r: 255, g: 255, b: 255 }, 3)).toBe(true)
      expect(color).toMatch(/^#f[0-9a-f]f[0-9a-f]f[0-9a-f]$/)
    }
  })

  it('is the first frame of an animation', async () => {
    const frames = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        plainPng({ width: 200, height: 200, color: n === 0 ? red : { ...blue, g: n * 8 } }),
      ),
    )
    for (const format of ['gif', 'webp'] as const) {
      const moving = await sharp(frames, { join: { animated: true } })
        [format]()
        .toBuffer()
      expect((await sharp(moving).metadata()).pages).toBe(30)
      const { files } = await renderPicture(moving)
      expect((await sharp(files['1000.webp']).metadata()).pages).toBeUndefined()
      expect(isLike(await colorAt(files['250.jpg'], 0.5, 0.5), red)).toBe(true)
    }
  })

  it('has no content hidden in or behind the original', async () => {
    const zip = Buffer.from('PK\x03\x04 <script>alert(1)</script>', 'latin1')
    const jpeg = await plainPicture().jpeg().toBuffer()
    const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, zip.length + 2]), zip])
    const polyglots = [
      Buffer.concat([jpeg, zip]),
      Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]),
      Buffer.concat([await plainPng(), zip]),
    ]
    for (const sent of polyglots) {
      const { files } = await renderPicture(sent)
      for (const file of pictureFiles) expect(files[file].includes('script')).toBe(false)
    }
  })
})

describe('rejects', () => {
  it.each([
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="500" height="500"><script>alert(1)</script></svg>'],
    ['SVG behind a declaration', '<?xml version="1.0"?><!DOCTYPE svg><svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['HTML', '<!doctype html><title>hi</title>'],
    ['PDF', '%PDF-1.7\n1 0 obj\n<<>>\nendobj'],
    ['nothing', ''],
    ['two bytes', '\xff\xd8'],
    ['an XBM, as C', '#define x_width 200\n#define x_height 200\nstatic char x_bits[] = {0x00};'],
    ['a PPM', 'P6 200 200 255\n'],
    ['a RIFF that is sound', 'RIFF\x24\x00\x00\x00WAVEfmt '],
  ])('%s', async (_what, text) => {
    expect(await outcomeOf(Buffer.from(text, 'latin1'))).toBe('unsupported_format')
  })

  it.each(['tiff', 'avif'] as const)('%s, although the decoder supports it', async format => {
    expect(await outcomeOf(await plainPicture()[format]().toBuffer())).toBe('unsupported_format')
  })

  it('too large dimensions in the header, before decoding', async () => {
    for (const [width, height] of [
      [50_000, 50_000],
      [5_000, 5_001],
      [2_000_000_000, 2_000_000_000],
    ] as const)
      expect(['too_many_pixels', 'damaged']).toContain(await outcomeOf(pngClaimingSize(width, height)))
    expect(await outcomeOf(pngClaimingSize(50_000, 50_000))).toBe('too_many_pixels')
    expect(await outcomeOf(pngClaimingSize(5_000, 5_001))).toBe('too_many_pixels')
    // The largest allowed dimensions: it is decoded, and is truncated.
    expect(await outcomeOf(pngClaimingSize(5_000, 5_000))).toBe('damaged')
    const gif = await plainPicture().gif().toBuffer()
    // The dimensions of the canvas, and of the frame.
    for (const at of [6, gif.indexOf(Buffer.from([0x2c, 0, 0, 0, 0])) + 5]) {
      gif.writeUInt16LE(65_535, at)
      gif.writeUInt16LE(65_535, at + 2)
    }
    expect(await outcomeOf(gif)).toBe('too_many_pixels')
  })

  it('too small pictures', async () => {
    expect(await outcomeOf(await plainPng({ width: 99, height: 500 }))).toBe('too_small')
    expect(await outcomeOf(await plainPng({ width: 500, height: 1 }))).toBe('too_small')
    expect(await outcomeOf(await plainPng({ width: 100, height: 100 }))).toBe('taken')
  })

  it('truncated and damaged files', async () => {
    const noise = sharp({
      create: {
        width: 400,
        height: 400,
        channels: 3,
        background: red,
        noise: { type: 'gaussian', mean: 128, sigma: 60 },
      },
    })
    for (const format of ['jpeg', 'png', 'webp', 'gif'] as const) {
      const whole = await noise.clone()[format]().toBuffer()
      for (const part of [0.1, 0.5, 0.9])
        expect([format, part, await outcomeOf(whole.subarray(0, Math.floor(whole.length * part)))]).toEqual([
          ...[format, part, 'damaged'],
        ])
    }
    const png = await noise.png().toBuffer()
    png.fill(0x55, 200, 400)
    expect(await outcomeOf(png)).toBe('damaged')
  })

  it('or accepts compression bombs, without crashing', async () => {
    const zeros = deflateSync(Buffer.alloc(200_000_000))
    const profile = Buffer.concat([Buffer.from('evil\0\0', 'latin1'), zeros])
    const text = Buffer.concat([Buffer.from('Comment\0\0', 'latin1'), zeros])
    const png = await plainPng()
    expect(['taken', 'damaged']).toContain(await outcomeOf(withChunk(png, 'iCCP', profile)))
    expect(['taken', 'damaged']).toContain(await outcomeOf(withChunk(png, 'zTXt', text)))
    const garbage = Buffer.concat([Buffer.from('p\0\0', 'latin1'), deflateSync(Buffer.from('no profile at all'))])
    expect(await outcomeOf(withChunk(png, 'iCCP', garbage))).toBe('taken')
  })
})
