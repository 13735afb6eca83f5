import sharp from 'sharp'

const sidePixels = 640

/** Renders a PNG for the demo data, different for each name: a gradient between two colors with a bright spot. */
export function renderDemoPicture(name: string): Promise<Buffer> {
  const seed = Array.from(name).reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0, 7)
  const [from, to] = [hueColor(seed % 360), hueColor((seed >>> 3) % 360)]
  const spot = { x: sidePixels * (0.2 + ((seed >>> 5) % 60) / 100), y: sidePixels * (0.2 + ((seed >>> 9) % 60) / 100) }
  const pixels = Buffer.alloc(sidePixels * sidePixels * 3)
  for (let index = 0; index < sidePixels * sidePixels; index += 1) {
    const [x, y] = [index % sidePixels, Math.floor(index / sidePixels)]
    const blend = (x + y) / (2 * sidePixels)
    const glow = 90 * Math.exp(-((x - spot.x) ** 2 + (y - spot.y) ** 2) / (sidePixels * 60))
    for (let channel = 0; channel < 3; channel += 1)
      pixels[index * 3 + channel] = Math.min(
        255,
        (from[channel] ?? 0) * (1 - blend) + (to[channel] ?? 0) * blend + glow,
      )
  }
  return sharp(pixels, { raw: { width: sidePixels, height: sidePixels, channels: 3 } })
    .png()
    .toBuffer()
}

const hueColor = (degrees: number): number[] =>
  [0, 120, 240].map(shift => 90 + 80 * Math.cos(((degrees - shift) * Math.PI) / 180))
