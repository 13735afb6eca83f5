import sharp from 'sharp'

const sidePixels = 640

/** A PNG for the demo, another one for each name: two colours that flow into each other around a bright spot. */
export function drawDemoPicture(name: string): Promise<Buffer> {
  const seed = Array.from(name).reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0, 7)
  const [from, to] = [hueColor(seed % 360), hueColor((seed >>> 3) % 360)]
  const spot = { x: sidePixels * (0.2 + ((seed >>> 5) % 60) / 100), y: sidePixels * (0.2 + ((seed >>> 9) % 60) / 100) }
  const pixels = Buffer.alloc(sidePixels * sidePixels * 3)
  for (let at = 0; at < sidePixels * sidePixels; at += 1) {
    const [x, y] = [at % sidePixels, Math.floor(at / sidePixels)]
    const along = (x + y) / (2 * sidePixels)
    const glow = 90 * Math.exp(-((x - spot.x) ** 2 + (y - spot.y) ** 2) / (sidePixels * 60))
    for (let part = 0; part < 3; part += 1)
      pixels[at * 3 + part] = Math.min(255, (from[part] ?? 0) * (1 - along) + (to[part] ?? 0) * along + glow)
  }
  return sharp(pixels, { raw: { width: sidePixels, height: sidePixels, channels: 3 } })
    .png()
    .toBuffer()
}

const hueColor = (degrees: number): number[] =>
  [0, 120, 240].map(shift => 90 + 80 * Math.cos(((degrees - shift) * Math.PI) / 180))
