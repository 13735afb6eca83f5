import { operation } from '../../kernel/operation'
import { id, list, optional, shape, whole } from '../../kernel/schema'
import { Waveform } from '../../models'
import { notReady } from './rules'
import { shownTrack, trackSecret } from './views'

export const getWaveform = operation({
  name: 'streaming.getWaveform',
  route: 'GET /tracks/:trackId/waveform',
  summary: 'What a track looks like: its peaks, 0 to 255, evenly spread over its length.',
  who: 'anyone',
  input: shape({ trackId: id, secret: optional(trackSecret) }),
  output: shape({ trackId: id, peaks: list(whole(0, 255), 10_000) }),
  limit: { perMinute: 240 },
  idempotency: 'read',
  refuses: [notReady],

  async load(input, context) {
    const { id: trackId } = await shownTrack(input, context)
    return Waveform.findByPk(trackId)
  },

  allow: () => true,

  async run({ input: { trackId }, subject: waveform }) {
    if (waveform === null) throw notReady()
    return { trackId, peaks: [...waveform.peaks] }
  },
})
