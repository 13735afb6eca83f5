import { formatsBySignature } from '../../../skills/music-upload/audio/formats'
import { noDownload } from '../../../skills/music-upload/make-download'
import { type Understood } from '../../../skills/music-upload/understand'

/** A fake analysis of an uploaded file, as a worker would return it. */
export function understoodAs(key: string, durationMs = 2_000): Understood {
  const format = formatsBySignature.mp3
  if (format === undefined) throw new Error('MP3 must be supported')
  return {
    ...{ key, durationMs, streams: { manifestKey: null, renditions: [], previewKey: null }, download: noDownload },
    facts: {
      ...{ format, ending: 'whole', codec: 'mp3', durationMs, bitrate: 128_000, sampleRate: 44_100, channels: 2 },
      tags: {},
    },
    heard: { peaks: Buffer.from([1, 2, 3]), loudnessLufs: null, truePeakDbtp: null, fingerprint: null },
  }
}
