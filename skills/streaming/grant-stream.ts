import { cookie } from '../../kernel/cookie'
import { operation } from '../../kernel/operation'
import {
  address,
  count,
  id,
  instant,
  list,
  named,
  nullable,
  number,
  oneOf,
  optional,
  shape,
  whole,
  written,
} from '../../kernel/schema'
import { chooseRendition } from './choose-rendition'
import { mediaType, playlistType } from './media-types'
import { grantLifeMs, notReady, qualities } from './rules'
import { type Delivery, soundAddresses } from './sound-addresses'
import { shownTrack, trackSecret } from './views'

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
    url: address,
    expiresAt: instant,
    contentType: written,
    durationMs: count,
    delivery: oneOf('url', 'cookies'),
    hls: nullable(shape({ url: address, contentType: written })),
    progressive: shape({ url: address, contentType: written, rendition: nullable(written) }),
    renditions: list(shape({ name: written, codecs: written, bandwidth: count, averageBandwidth: count }), 20),
    previewUrl: nullable(address),
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
  who: 'anyone',
  input: shape({
    trackId: id,
    secret: optional(trackSecret),
    /** `cookies`: plain URLs and signed cookies, where a CDN is configured. Default: `url`, signed URLs. */
    delivery: optional(oneOf('url', 'cookies')),
    /** Preferred quality of the progressive file. */
    quality: optional(oneOf(...qualities)),
    positionMs: optional(whole(0, dayMs)),
  }),
  output: streamGrant,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  changesNothing: true,
  refuses: [notReady],
  cookiesOf: ({ cookies }) => cookies,

  load: (input, context) => shownTrack(input, context),

  allow: () => true,

  async run({ input: { delivery = 'url', quality, positionMs }, subject }, context) {
    const { id: trackId, state, audioKey, audioVersion, contentType, durationMs } = subject
    if (state !== 'ready' || audioKey === null || contentType === null || durationMs === null) throw notReady()
    const possible = context.world.media.deliveries.find(one => one === delivery) ?? 'url'
    const lifeMs = grantLifeMs(durationMs, positionMs)
    const urls = await soundAddresses({ id: trackId, audioKey, audioVersion, contentType }, possible, lifeMs, context)
    const rendition = chooseRendition(urls.renditions, quality)
    const url = rendition?.url ?? urls.original
    if (url === null) throw new Error('a track without an address')
    const type = rendition === undefined ? contentType : mediaType
    const progressive = { url, contentType: type, rendition: rendition?.name ?? null }
    const delivered: Delivery = urls.cookies.length > 0 ? 'cookies' : 'url'
    return {
      ...{ url, expiresAt: urls.expiresAt, contentType: type, durationMs, delivery: delivered },
      hls: urls.hls === null ? null : { url: urls.hls, contentType: playlistType },
      progressive,
      renditions: urls.renditions.map(({ name, codecs, bandwidth, averageBandwidth }) => ({
        ...{ name, codecs, bandwidth, averageBandwidth },
      })),
      previewUrl: urls.preview,
      ...{ loudnessLufs: urls.loudnessLufs, truePeakDbtp: urls.truePeakDbtp, cookies: urls.cookies },
    }
  },
})
