import { type Context } from '../../kernel/context'
import { type Cookie } from '../../kernel/cookie'
import { type Track, type TrackAudio } from '../../models'
import { mediaType } from './media-types'
import { expiryAfter, grantSharedMs } from './rules'
import { storePlaylists } from './store-playlists'

export type Delivery = 'url' | 'cookies'

/** Where all that may be heard of a track can be fetched until `expiresAt`. JSON can hold it. */
export interface SoundAddresses {
  expiresAt: string
  hls: string | null
  /** Of the media file of each rendition, by its name. */
  renditions: Record<string, string>
  /** The file that was uploaded, where nothing was made of it. */
  original: string | null
  preview: string | null
  cookies: Cookie[]
}

type Sound = Pick<Track, 'id'> & { audioKey: string; contentType: string }

/**
 * Signed once for all who listen within some minutes, through Redis: whoever may hear a track gets the same addresses, and
 * who may is asked before. A file that replaced another has other keys, and another signing key other addresses.
 * @throws `unavailable`
 */
export async function soundAddresses(
  sound: Sound,
  audio: TrackAudio | null,
  delivery: Delivery,
  lifeMs: number,
  { now, world }: Pick<Context, 'now' | 'world'>,
): Promise<SoundAddresses> {
  const { media, cache } = world
  const key = `sound:${media.signedBy}:${delivery}:${lifeMs}:${sound.audioKey}:${audio?.uploadId ?? ''}`
  const signed = () => signAll(sound, audio, delivery, { now, expiresAt: expiryAfter(now, lifeMs) }, world)
  const kept = await cache.through(key, grantSharedMs, signed)
  // Redis forgets by its own clock.
  const leftMs = Date.parse(kept.expiresAt) - now.getTime()
  if (leftMs >= lifeMs - grantSharedMs - 1_000) return kept
  await cache.drop([key])
  return signed()
}

async function signAll(
  { audioKey, contentType }: Sound,
  audio: TrackAudio | null,
  delivery: Delivery,
  times: { now: Date; expiresAt: Date },
  world: Context['world'],
): Promise<SoundAddresses> {
  const { media } = world
  const sign = (key: string, type: string) => media.signedUrl(key, type, times.now, times.expiresAt)
  const previewKey = audio?.previewKey ?? null
  const common = {
    expiresAt: times.expiresAt.toISOString(),
    preview: previewKey === null ? null : await sign(previewKey, mediaType),
  }
  if (audio === null || audio.renditions.length === 0) {
    const original = await sign(audioKey, contentType)
    return { ...common, hls: null, renditions: {}, original, cookies: [] }
  }

  const { manifestKey } = audio
  const folder = await media.openFolder(folderOf(audio), times.now, times.expiresAt)
  const cookies = delivery === 'cookies' ? folder.cookies : []
  const addressOf = async (key: string) =>
    (delivery === 'cookies' ? media.plainUrl(key) : undefined) ?? (await folder.signedUrl(key, mediaType))
  const files = audio.renditions.map(async ({ name, mediaKey }) => [name, await addressOf(mediaKey)] as const)
  const renditions = Object.fromEntries(await Promise.all(files))
  const isAsStored = manifestKey === null || delivery === 'cookies'
  const hls = isAsStored
    ? manifestKey && (await addressOf(manifestKey))
    : await storePlaylists(manifestKey, folder, times, world)
  return { ...common, hls, renditions, original: null, cookies }
}

/** The folder that a wildcard opens. It holds what is streamed and nothing else: never the file that was uploaded. */
function folderOf({ renditions, manifestKey }: TrackAudio): string {
  const keys = [...renditions.map(({ mediaKey }) => mediaKey), ...(manifestKey === null ? [] : [manifestKey])]
  const folders = new Set(keys.map(key => key.slice(0, key.lastIndexOf('/') + 1)))
  const [folder = ''] = folders
  if (folders.size !== 1 || !folder.endsWith('/hls/')) throw new Error('renditions lie where they should not')
  return folder
}
