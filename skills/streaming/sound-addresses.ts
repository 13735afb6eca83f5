import { type Context } from '../../kernel/context'
import { type Cookie } from '../../kernel/cookie'
import { type Track, TrackAudio } from '../../models'
import { type Rendition } from '../../models/track-audio'
import { mediaType } from './media-types'
import { audioVersionOf, expiryAfter, grantSharedMs } from './rules'
import { copyOf } from './copy-of'
import { storePlaylists } from './store-playlists'

export type Delivery = 'url' | 'cookies'

/** All that may be heard of a track, and where it can be fetched until `expiresAt`. JSON can hold it. */
export interface SoundAddresses {
  expiresAt: string
  hls: string | null
  /** Each with the address of its media file. */
  renditions: (Pick<Rendition, 'name' | 'codecs' | 'bandwidth' | 'averageBandwidth'> & { url: string })[]
  /** The file that was uploaded, where no streams were made of it; without its tags as soon as there is such a copy. */
  original: string | null
  preview: string | null
  cookies: Cookie[]
  loudnessLufs: number | null
  truePeakDbtp: number | null
}

type Sound = Pick<Track, 'id' | 'audioVersion'> & { audioKey: string; contentType: string }

/**
 * Signed once for all who listen within some minutes, through Redis: whoever may hear a track gets the same addresses, and
 * who may is asked before. A file that replaced another has another key, and what was made of it is read after that key was:
 * it is never of an older file. Another signing key makes other addresses.
 * @throws `unavailable`
 */
export async function soundAddresses(
  sound: Sound,
  delivery: Delivery,
  lifeMs: number,
  { now, world }: Pick<Context, 'now' | 'world'>,
): Promise<SoundAddresses> {
  const { media, cache } = world
  const key = `sound:${media.signedBy}:${delivery}:${lifeMs}:${sound.id}:${sound.audioKey}`
  const signed = () => signAll(sound, delivery, { now, expiresAt: expiryAfter(now, lifeMs) }, world)
  const kept = await cache.through(key, grantSharedMs, signed)
  // Redis forgets by its own clock.
  const leftMs = Date.parse(kept.expiresAt) - now.getTime()
  if (leftMs >= lifeMs - grantSharedMs - 1_000) return kept
  await cache.drop([key])
  return signed()
}

async function signAll(
  { id, audioKey, audioVersion, contentType }: Sound,
  delivery: Delivery,
  times: { now: Date; expiresAt: Date },
  world: Context['world'],
): Promise<SoundAddresses> {
  const { media } = world
  const sign = (key: string, type: string) => media.signedUrl(key, type, times.now, times.expiresAt)
  const audio = await TrackAudio.findByPk(id)
  const { previewKey = null, loudnessLufs = null, truePeakDbtp = null } = audio ?? {}
  const common = {
    expiresAt: times.expiresAt.toISOString(),
    preview: previewKey === null ? null : await sign(previewKey, mediaType),
    ...{ loudnessLufs, truePeakDbtp },
  }
  if (audio === null || audio.renditions.length === 0) {
    const version = audioVersionOf({ audioVersion, audioKey })
    const copy = audio !== null && audio.uploadId === version ? copyOf(audio)?.key : undefined
    const original = await sign(copy ?? audioKey, contentType)
    return { ...common, hls: null, renditions: [], original, cookies: [] }
  }

  const { manifestKey } = audio
  const folder = await media.openFolder(folderOf(audio), times.now, times.expiresAt)
  const cookies = delivery === 'cookies' ? folder.cookies : []
  const addressOf = async (key: string) =>
    (delivery === 'cookies' ? media.plainUrl(key) : undefined) ?? (await folder.signedUrl(key, mediaType))
  const renditions = await Promise.all(
    audio.renditions.map(async ({ name, codecs, bandwidth, averageBandwidth, mediaKey }) => ({
      ...{ name, codecs, bandwidth, averageBandwidth, url: await addressOf(mediaKey) },
    })),
  )
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
