export interface Loudness {
  /** Integrated, EBU R128; null when everything is below the gate (silence). */
  loudnessLufs: number | null
  truePeakDbtp: number | null
}

const summaryBytesMax = 8 * 1024
/** The lowest value the filter reports. */
const silenceLufs = -70

/**
 * Parses the summary that ffmpeg's ebur128 filter writes at its end. Keeps only the last bytes, since the tags of a
 * file are printed before and may be of any length.
 */
export function createLoudnessParser() {
  let tail = Buffer.alloc(0)
  return {
    add(chunk: Buffer): void {
      tail = Buffer.concat([tail, chunk]).subarray(-summaryBytesMax)
    },

    finish(): Loudness {
      const text = tail.toString('latin1')
      const summary = text.slice(text.lastIndexOf('] Summary:'))
      const [, loudness] = /^ {4}I: +(-?\d+\.\d+) LUFS$/m.exec(summary) ?? []
      const [, peak] = /^ {4}Peak: +(-?\d+\.\d+) dBFS$/m.exec(summary) ?? []
      const isSilent = loudness === undefined || Number(loudness) <= silenceLufs
      return {
        loudnessLufs: isSilent ? null : Number(loudness),
        truePeakDbtp: peak === undefined ? null : Number(peak),
      }
    },
  }
}
