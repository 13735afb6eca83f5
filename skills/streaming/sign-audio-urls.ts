import { type Context } from '../../kernel/pipeline/context'
import { type Cookie } from '../../kernel/pipeline/cookie'
import { type Track, TrackAudio } from '../../models'
import { type Rendition } from '../../models/track-audio'
import { audioContentType } from '../../media/audio/hls-playlists'
import { expiryInWholeSeconds, grantReuseMs } from './rules'
import { downloadCopyOf } from '../music-processing/rules'
import { storeSignedPlaylists } from './store-signed-playlists'

export type Delivery = 'url' | 'cookies'

/** The signed URLs for the audio of a track, valid until `expiresAt`. Serializable as JSON. */
export interface AudioUrls {
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
export async function signAudioUrls(
  source: AudioSource,
  delivery: Delivery,
  lifeMs: number,
  { now, app }: Pick<Context, 'now' | 'app'>,
): Promise<AudioUrls> {
  const { mediaUrls, cache } = app
  const key = `audio-urls:${mediaUrls.signingKeyId}:${delivery}:${lifeMs}:${source.id}:${source.audioKey}`
  const signNow = () => signAll(source, delivery, { now, expiresAt: expiryInWholeSeconds(now, lifeMs) }, app)
  const cached = await cache.getOrLoad(key, grantReuseMs, signNow)
  // Redis expires keys by its own clock: check the remaining lifetime.
  const leftMs = Date.parse(cached.expiresAt) - now.getTime()
  if (leftMs >= lifeMs - grantReuseMs - 1_000) return cached
  await cache.invalidate([key])
  return signNow()
}

async function signAll(
  { id, audioKey, audioVersion, contentType }: AudioSource,
  delivery: Delivery,
  times: { now: Date; expiresAt: Date },
  app: Context['app'],
): Promise<AudioUrls> {
  const { mediaUrls } = app
  const sign = (key: string, type: string) => mediaUrls.signUrl(key, type, times.now, times.expiresAt)
  const audio = await TrackAudio.findByPk(id)
  const { previewKey = null, loudnessLufs = null, truePeakDbtp = null } = audio ?? {}
  const common = {
    expiresAt: times.expiresAt.toISOString(),
    preview: previewKey === null ? null : await sign(previewKey, audioContentType),
    ...{ loudnessLufs, truePeakDbtp },
  }
  if (audio === null || audio.renditions.length === 0) {
    const copy = audio !== null && audio.uploadId === audioVersion ? downloadCopyOf(audio)?.key : undefined
    const original = await sign(copy ?? audioKey, contentType)
    return { ...common, hls: null, renditions: [], original, cookies: [] }
  }

  const { manifestKey } = audio
  const folder = await mediaUrls.signFolder(folderOf(audio), times.now, times.expiresAt)
  const cookies = delivery === 'cookies' ? folder.cookies : []
  const urlOf = async (key: string) =>
    (delivery === 'cookies' ? mediaUrls.unsignedUrl(key) : undefined) ?? (await folder.signUrl(key, audioContentType))
  const renditions = await Promise.all(
    audio.renditions.map(async ({ name, codecs, bandwidth, averageBandwidth, mediaKey }) => ({
      ...{ name, codecs, bandwidth, averageBandwidth, url: await urlOf(mediaKey) },
    })),
  )
  const usesStoredPlaylist = manifestKey === null || delivery === 'cookies'
  const hls = usesStoredPlaylist
    ? manifestKey && (await urlOf(manifestKey))
    : await storeSignedPlaylists(manifestKey, folder, times, app)
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
