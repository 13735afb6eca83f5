import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { refusals } from '../../kernel/pipeline/refusals'
import { type AppContext } from '../../kernel/platform/app-context'
import { type SignedFolder } from '../../kernel/platform/media-urls'
import { rewritePlaylist } from './rewrite-playlist'
import { audioContentType, playlistContentType } from '../../media/audio/hls-playlists'

/** Short: a listener waits for playback to start. */
const storeTimeoutMs = 3_000
/** Playlists above this size are compressed: that of one hour has 600 nearly equal URLs of 500 bytes. */
const plainBytesMax = 64 * 1024

/** Prefix of signed playlists. Their folder is the hour of their expiry, so that cleanup needs no lookup. */
export const signedPlaylistsPrefix = 'grants/'
export const expiryHour = (at: Date): string => at.toISOString().slice(0, 13)

/**
 * Stores copies of the playlists of a stream with a signed URL for every object, since players do not pass a query
 * string on.
 * @returns the URL of the multivariant playlist
 * @throws `unavailable`
 */
export async function storeSignedPlaylists(
  manifestKey: string,
  streamFolder: SignedFolder,
  { now, expiresAt }: { now: Date; expiresAt: Date },
  { mediaUrls, storage }: Pick<AppContext, 'mediaUrls' | 'storage'>,
): Promise<string> {
  const folder = `${signedPlaylistsPrefix}${expiryHour(expiresAt)}/${randomUUID()}/`
  const playlists = await mediaUrls.signFolder(folder, now, expiresAt)
  const cacheControl = `private, max-age=${Math.floor((expiresAt.getTime() - now.getTime()) / 1_000)}`

  async function store(from: string, urlOf: (key: string) => Promise<string>): Promise<string> {
    const original = await storage.get(from, { timeoutMs: storeTimeoutMs })
    if (original === undefined) throw refusals.unavailable('A playlist of the track is missing.')
    const body = Buffer.from(await rewritePlaylist(original.toString('utf8'), from, urlOf))
    const key = folder + from.slice(from.lastIndexOf('/') + 1)
    const options = { cacheControl, timeoutMs: storeTimeoutMs }
    if (body.length <= plainBytesMax) await storage.put(key, body, playlistContentType, options)
    else await storage.put(key, await promisify(gzip)(body), playlistContentType, { ...options, encoding: 'gzip' })
    return playlists.signUrl(key, playlistContentType)
  }

  return store(manifestKey, playlistKey =>
    store(playlistKey, mediaKey => streamFolder.signUrl(mediaKey, audioContentType)),
  )
}
