import { cookie } from '../../kernel/pipeline/cookie'
import { operation } from '../../kernel/pipeline/operation'
import {
  url,
  count,
  id,
  timestamp,
  list,
  named,
  nullable,
  number,
  oneOf,
  optional,
  shape,
  integer,
  outputText,
} from '../../kernel/pipeline/schema'
import { chooseRendition } from './choose-rendition'
import { audioContentType, playlistContentType } from '../../media/audio/hls-playlists'
import { trackNotReady } from '../tracks/rules'
import { grantLifeMs, qualities } from './rules'
import { type Delivery, signAudioUrls } from './sign-audio-urls'
import { loadTrackWithSecret, trackSecret } from '../tracks/views'

const dayMs = 24 * 60 * 60_000
const decibels = nullable(number(-200, 200))

/**
 * Everything needed to play a track until `expiresAt`. `hls` is null for tracks without renditions; `progressive` is
 * a rendition, else the original file. `url` and `contentType` repeat those of `progressive`. With `delivery`
 * `cookies`, `hls` and the renditions require the cookies.
 */
const streamGrant = named(
  'StreamGrant',
  shape({
    url,
    expiresAt: timestamp,
    contentType: outputText,
    durationMs: count,
    delivery: oneOf('url', 'cookies'),
    hls: nullable(shape({ url, contentType: outputText })),
    progressive: shape({ url, contentType: outputText, rendition: nullable(outputText) }),
    renditions: list(shape({ name: outputText, codecs: outputText, bandwidth: count, averageBandwidth: count }), 20),
    previewUrl: nullable(url),
    /** Integrated loudness and true peak (EBU R128) for volume normalization; null when unknown. */
    loudnessLufs: decibels,
    truePeakDbtp: decibels,
    cookies: list(cookie, 10),
  }),
)

export const grantStream = operation({
  name: 'streaming.grantStream',
  route: 'POST /tracks/:trackId/stream',
  summary: 'Get stream URLs for a track',
  description:
    'An HLS playlist and a file for range requests, valid until `expiresAt`. To play on after that, call it again ' +
    'with `positionMs`.',
  auth: 'public',
  input: shape({
    trackId: id,
    secret: optional(trackSecret),
    /** `cookies`: plain URLs and signed cookies, where a CDN is configured. Default: `url`, signed URLs. */
    delivery: optional(oneOf('url', 'cookies')),
    /** Preferred quality of the progressive file. */
    quality: optional(oneOf(...qualities)),
    positionMs: optional(integer(0, dayMs)),
  }),
  output: streamGrant,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  readOnly: true,
  refuses: [trackNotReady],
  cookies: ({ cookies }) => cookies,

  load: (input, context) => loadTrackWithSecret(input, context),

  allow: () => true,

  async run({ input: { delivery = 'url', quality, positionMs }, subject }, context) {
    const { id: trackId, state, audioKey, audioVersion, contentType, durationMs } = subject
    if (state !== 'ready' || audioKey === null || contentType === null || durationMs === null) throw trackNotReady()
    const possible = context.app.mediaUrls.deliveryMethods.find(one => one === delivery) ?? 'url'
    const lifeMs = grantLifeMs(durationMs, positionMs)
    const urls = await signAudioUrls({ id: trackId, audioKey, audioVersion, contentType }, possible, lifeMs, context)
    const rendition = chooseRendition(urls.renditions, quality)
    const url = rendition?.url ?? urls.original
    if (url === null) throw new Error('a track without a URL')
    const type = rendition === undefined ? contentType : audioContentType
    const progressive = { url, contentType: type, rendition: rendition?.name ?? null }
    const delivered: Delivery = urls.cookies.length > 0 ? 'cookies' : 'url'
    return {
      ...{ url, expiresAt: urls.expiresAt, contentType: type, durationMs, delivery: delivered },
      hls: urls.hls === null ? null : { url: urls.hls, contentType: playlistContentType },
      progressive,
      renditions: urls.renditions.map(({ name, codecs, bandwidth, averageBandwidth }) => ({
        ...{ name, codecs, bandwidth, averageBandwidth },
      })),
      previewUrl: urls.preview,
      ...{ loudnessLufs: urls.loudnessLufs, truePeakDbtp: urls.truePeakDbtp, cookies: urls.cookies },
    }
  },
})
