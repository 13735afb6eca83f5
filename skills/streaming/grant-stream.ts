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
 * All that is needed to play a track until `expiresAt`. `hls` is null for tracks of before there were renditions; the
 * progressive file is one of them, else the file that was uploaded. `url` and `contentType` are those of the progressive
 * file. Where `delivery` is `cookies`, `hls` and the renditions want the cookies, and are refused without.
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
    /** For players that level volumes: integrated loudness and true peak, EBU R128; null where they are not known. */
    loudnessLufs: decibels,
    truePeakDbtp: decibels,
    cookies: list(cookie, 10),
  }),
)

export const grantStream = operation({
  name: 'streaming.grantStream',
  route: 'POST /tracks/:trackId/stream',
  summary:
    'Where the audio may be fetched until it expires: an HLS playlist and a file, also in ranges. Ask again for longer, with where you are.',
  who: 'anyone',
  input: shape({
    trackId: id,
    secret: optional(trackSecret),
    /** `cookies`: plain addresses, and cookies that open them, where there is a distribution. Default `url`. */
    delivery: optional(oneOf('url', 'cookies')),
    /** Of the progressive file; another one where there is none of this kind. */
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
    const sound = await soundAddresses({ id: trackId, audioKey, audioVersion, contentType }, possible, lifeMs, context)
    const rendition = chooseRendition(sound.renditions, quality)
    const url = rendition?.url ?? sound.original
    if (url === null) throw new Error('a track without an address')
    const type = rendition === undefined ? contentType : mediaType
    const progressive = { url, contentType: type, rendition: rendition?.name ?? null }
    const given: Delivery = sound.cookies.length > 0 ? 'cookies' : 'url'
    return {
      ...{ url, expiresAt: sound.expiresAt, contentType: type, durationMs, delivery: given },
      hls: sound.hls === null ? null : { url: sound.hls, contentType: playlistType },
      progressive,
      renditions: sound.renditions.map(({ name, codecs, bandwidth, averageBandwidth }) => ({
        ...{ name, codecs, bandwidth, averageBandwidth },
      })),
      previewUrl: sound.preview,
      ...{ loudnessLufs: sound.loudnessLufs, truePeakDbtp: sound.truePeakDbtp, cookies: sound.cookies },
    }
  },
})
