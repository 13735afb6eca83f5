import { operation } from '../../kernel/pipeline/operation'
import { id, list, optional, shape, integer } from '../../kernel/pipeline/schema'
import { downsamplePeaks, peaksMax } from '../../media/audio/peaks'
import { Waveform } from '../../models'
import { trackNotReady, waveformPointsDefault } from './rules'
import { loadTrackWithSecret, trackSecret } from './views'

/** How long a client that names no version may show the waveform of replaced audio. */
const maxAgeSeconds = 300

export const getWaveform = operation({
  name: 'tracks.getWaveform',
  route: 'GET /tracks/:trackId/waveform',
  summary: 'Get the waveform of a track',
  description: 'Peaks from 0 to 255, evenly spaced over the duration.',
  auth: 'public',
  input: shape({
    trackId: id,
    secret: optional(trackSecret),
    /** Maximum number of peaks; 800 by default. */
    points: optional(integer(1, peaksMax)),
    /** The version last seen. Affects caching only: an answer to a URL with its version is immutable. */
    version: optional(id),
  }),
  output: shape({ trackId: id, version: id, peaks: list(integer(0, 255), 10_000) }),
  limit: { perMinute: 240 },
  idempotency: 'read',
  refuses: [trackNotReady],
  cacheControl: ({ version }) => ({ version, maxAgeSeconds }),

  async load(input, context) {
    const { id: trackId } = await loadTrackWithSecret(input, context)
    return Waveform.findByPk(trackId)
  },

  allow: () => true,

  async run({ input: { trackId, points = waveformPointsDefault }, subject: waveform }) {
    if (waveform === null) throw trackNotReady()
    const { peaks, uploadId: version } = waveform
    return { trackId, version, peaks: [...downsamplePeaks(peaks, points)] }
  },
})
