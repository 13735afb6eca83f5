import { formatsBySignature } from '../../../media/audio/formats'
import { noDownloadCopy } from '../../../skills/music-processing/build-download-copy'
import { type AnalyzedUpload } from '../../../skills/music-processing/analyzed-upload'

/** A fake analysis of an uploaded file, as a worker would return it. */
export function fakeAnalysis(key: string, durationMs = 2_000): AnalyzedUpload {
  const format = formatsBySignature.mp3
  if (format === undefined) throw new Error('MP3 must be supported')
  return {
    ...{ key, durationMs, streams: { manifestKey: null, renditions: [], previewKey: null }, download: noDownloadCopy },
    probe: {
      ...{ format, completeness: 'whole', codec: 'mp3', durationMs, bitrate: 128_000, sampleRate: 44_100, channels: 2 },
      tags: {},
    },
    measurements: { peaks: Buffer.from([1, 2, 3]), loudnessLufs: null, truePeakDbtp: null, fingerprint: null },
  }
}
