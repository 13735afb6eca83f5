import { Rejection } from './rejection'

/** Thorough encoders write 20. Each scan visits all blocks: 2,646 empty ones, 250 kB, took 10.6 s at 25 megapixels. */
const scansMax = 100

/**
 * Rejects progressive JPEGs with too many scans, since libvips decodes all of them.
 * @throws Rejection `processing_timeout`
 */
export function refuseScanBomb(jpeg: Buffer): void {
  let scans = 0
  // Skip the first marker, which has no content.
  for (let at = markerFrom(jpeg, 2); at !== undefined; at = markerFrom(jpeg, endOf(jpeg, at))) {
    const code = jpeg[at + 1]
    if (code === startOfScan) scans += 1
    if (scans > scansMax) throw new Rejection('processing_timeout')
    // Ignore what follows the picture, such as the video that phones append.
    if (code === endOfImage) return
  }
}

const [startOfScan, endOfImage, withoutContent] = [0xda, 0xd9, 0x01]

/** Finds the next marker like libjpeg: skips scan data and garbage. */
function markerFrom(jpeg: Buffer, from: number): number | undefined {
  let at = jpeg.indexOf(0xff, from)
  while (at >= 0 && !isMarker(jpeg[at + 1])) at = jpeg.indexOf(0xff, at + 1)
  return at < 0 ? undefined : at
}

/** Neither a stuffed 0xFF of the data nor a restart marker. */
const isMarker = (code = 0): boolean => code !== 0 && code !== 0xff && (code < 0xd0 || code > 0xd7)

const endOf = (jpeg: Buffer, at: number): number =>
  jpeg[at + 1] === withoutContent || at + 4 > jpeg.length ? at + 2 : at + 2 + jpeg.readUInt16BE(at + 2)
