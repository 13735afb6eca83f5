import { operation } from '../../kernel/operation'
import { address, count, id, instant, optional, shape, written } from '../../kernel/schema'
import { notReady, streamExpiry } from './rules'
import { shownTrack, trackSecret } from './views'

export const grantStream = operation({
  name: 'streaming.grantStream',
  route: 'POST /tracks/:trackId/stream',
  summary: 'A URL at which the audio may be fetched, also in ranges, until it expires. Ask again for longer.',
  who: 'anyone',
  input: shape({ trackId: id, secret: optional(trackSecret) }),
  output: shape({ url: address, expiresAt: instant, contentType: written, durationMs: count }),
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [notReady],

  load: (input, context) => shownTrack(input, context),

  allow: () => true,

  async run({ subject: { state, audioKey, contentType, durationMs } }, { now, world }) {
    if (state !== 'ready' || audioKey === null || contentType === null || durationMs === null) throw notReady()
    const expiresAt = streamExpiry(now, durationMs)
    const url = await world.media.signedUrl(audioKey, contentType, now, expiresAt)
    return { url, expiresAt: expiresAt.toISOString(), contentType, durationMs }
  },
})
