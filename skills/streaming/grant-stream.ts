import { operation } from '../../kernel/operation'
import { address, count, id, instant, shape, written } from '../../kernel/schema'
import { notReady } from './rules'
import { visibleTrack } from './views'

const marginMs = 10 * 60_000
const lifeMsMax = 6 * 60 * 60_000

export const grantStream = operation({
  name: 'streaming.grantStream',
  route: 'POST /tracks/:trackId/stream',
  summary: 'A URL at which the audio may be fetched, also in ranges, until it expires. Ask again for longer.',
  who: 'anyone',
  input: shape({ trackId: id }),
  output: shape({ url: address, expiresAt: instant, contentType: written, durationMs: count }),
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [notReady],

  load: ({ trackId }, context) => visibleTrack(trackId, context),

  allow: () => true,

  async run({ subject: { state, audioKey, contentType, durationMs } }, { now, world }) {
    if (state !== 'ready' || audioKey === null || contentType === null || durationMs === null) throw notReady()
    const expiresAt = streamExpiry(now, durationMs)
    const url = await world.media.signedUrl(audioKey, contentType, now, expiresAt)
    return { url, expiresAt: expiresAt.toISOString(), contentType, durationMs }
  },
})

/** Time to listen to the end with a few pauses; whole seconds, which is what signatures know. */
export function streamExpiry(now: Date, durationMs: number): Date {
  const lifeMs = Math.min(durationMs + marginMs, lifeMsMax)
  return new Date(Math.floor((now.getTime() + lifeMs) / 1000) * 1000)
}
