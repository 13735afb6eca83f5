import { operation } from '../../kernel/operation'
import { id, list, nullable, optional, shape, whole } from '../../kernel/schema'
import { Waveform } from '../../models'
import { coarser, notReady, waveformPointsDefault, waveformPointsMax } from './rules'
import { shownTrack, trackSecret } from './views'

/** So long an old one may be shown after its audio was replaced, to whoever does not name the version. */
const keptSeconds = 300

export const getWaveform = operation({
  name: 'streaming.getWaveform',
  route: 'GET /tracks/:trackId/waveform',
  summary: 'What a track looks like: its peaks, 0 to 255, evenly spread over its length, as fine as asked for.',
  who: 'anyone',
  input: shape({
    trackId: id,
    secret: optional(trackSecret),
    /** How many peaks at most; 800 unless said otherwise. */
    points: optional(whole(1, waveformPointsMax)),
    /** The version last seen. It changes nothing but how long the answer is kept: one that names its version stays. */
    version: optional(id),
  }),
  output: shape({ trackId: id, version: nullable(id), peaks: list(whole(0, 255), 10_000) }),
  limit: { perMinute: 240 },
  idempotency: 'read',
  refuses: [notReady],
  kept: ({ version }) => ({ version: version ?? 'first', seconds: keptSeconds }),

  async load(input, context) {
    const { id: trackId } = await shownTrack(input, context)
    return Waveform.findByPk(trackId)
  },

  allow: () => true,

  async run({ input: { trackId, points = waveformPointsDefault }, subject: waveform }) {
    if (waveform === null) throw notReady()
    const { fine, peaks, uploadId: version } = waveform
    return { trackId, version, peaks: [...coarser(fine ?? peaks, points)] }
  },
})
