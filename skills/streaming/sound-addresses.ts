import { type Context } from '../../kernel/context'
import { type Cookie } from '../../kernel/cookie'
import { type Track, TrackAudio } from '../../models'
import { type Rendition } from '../../models/track-audio'
import { mediaType } from './media-types'
import { audioVersionOf, expiryAfter, grantSharedMs } from './rules'
import { copyOf } from './copy-of'
import { storePlaylists } from './store-playlists'

export type Delivery = 'url' | 'cookies'

/** The signed URLs for the audio of a track, valid until `expiresAt`. Serializable as JSON. */
export interface SoundAddresses {
  expiresAt: string
  hls: string | null
  /** Each with the URL of its media file. */
  renditions: (Pick<Rendition, 'name' | 'codecs' | 'bandwidth' | 'averageBandwidth'> & { url: string })[]
  /** The original file when the track has no renditions; the copy without tags once there is one. */
  original: string | null
  preview: string | null
  cookies: Cookie[]
  loudnessLufs: number | null
  truePeakDbtp: number | null
}

type AudioSource = Pick<Track, 'id' | 'audioVersion'> & { audioKey: string; contentType: string }

/**
 * Signs the URLs once per few minutes and shares them through Redis: the caller has already checked access, and all
 * listeners get the same URLs. The cache key has the key of the audio, so that replaced audio is never mixed with
 * new, and the id of the signing key.
 * @throws `unavailable`
 */
export async function soundAddresses(
  sound: AudioSource,
  delivery: Delivery,
  lifeMs: number,
  { now, world }: Pick<Context, 'now' | 'world'>,
): Promise<SoundAddresses> {
  const { media, cache } = world
  const key = `sound:${media.signedBy}:${delivery}:${lifeMs}:${sound.id}:${sound.audioKey}`
  const signNow = () => signAll(sound, delivery, { now, expiresAt: expiryAfter(now, lifeMs) }, world)
  const cached = await cache.through(key, grantSharedMs, signNow)
  // Redis expires keys by its own clock: check the remaining lifetime.
  const leftMs = Date.parse(cached.expiresAt) - now.getTime()
  if (leftMs >= lifeMs - grantSharedMs - 1_000) return cached
  await cache.drop([key])
  return signNow()
}

async function signAll(
  { id, audioKey, audioVersion, contentType }: AudioSource,
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
  const usesStoredPlaylist = manifestKey === null || delivery === 'cookies'
  const hls = usesStoredPlaylist
    ? manifestKey && (await addressOf(manifestKey))
    : await storePlaylists(manifestKey, folder, times, world)
  return { ...common, hls, renditions, original: null, cookies }
}

/** The folder that a wildcard signature opens: streams only, never the original file. */
function folderOf({ renditions, manifestKey }: TrackAudio): string {
  const keys = [...renditions.map(({ mediaKey }) => mediaKey), ...(manifestKey === null ? [] : [manifestKey])]
  const folders = new Set(keys.map(key => key.slice(0, key.lastIndexOf('/') + 1)))
  const [folder = ''] = folders
  if (folders.size !== 1 || !folder.endsWith('/hls/')) throw new Error('renditions are outside of one hls/ folder')
  return folder
}
