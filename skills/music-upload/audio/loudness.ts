export interface Loudness {
  /** Integrated, EBU R128; null where everything is below the gate: silence. */
  loudnessLufs: number | null
  truePeakDbtp: number | null
}

const summaryBytesMax = 8 * 1024
/** The filter's floor: it knows nothing quieter. */
const silenceLufs = -70

/**
 * The summary that ffmpeg's ebur128 filter writes when it ends. Only the last words are kept: before them a file may say
 * what it wants in its tags, as long as it wants.
 */
export function createLoudness() {
  let said = Buffer.alloc(0)
  return {
    hear(chunk: Buffer): void {
      said = Buffer.concat([said, chunk]).subarray(-summaryBytesMax)
    },

    finish(): Loudness {
      const text = said.toString('latin1')
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
