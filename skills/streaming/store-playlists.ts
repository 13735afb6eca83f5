import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { refusals } from '../../kernel/refusals'
import { type World } from '../../kernel/world'
import { type OpenFolder } from '../../kernel/world/media'
import { addressed } from './addressed'
import { mediaType, playlistType } from './media-types'

/** Somebody waits for a song to begin. */
const storeTimeoutMs = 3_000
/** The playlists of an hour have 600 addresses of half a kilobyte each, which differ in nothing. */
const plainBytesMax = 64 * 1024

/** Rendered playlists lie in the folder of the hour in which they expire: whoever clears up need not look into them. */
export const playlistsRoot = 'grants/'
export const hourOf = (at: Date): string => at.toISOString().slice(0, 13)

/**
 * Writes the playlists of a stream anew, with a signed address at every place where something is fetched, since players
 * hand on no query from one address to the next.
 * @returns the address of the multivariant playlist
 * @throws `unavailable`
 */
export async function storePlaylists(
  manifestKey: string,
  sound: OpenFolder,
  { now, expiresAt }: { now: Date; expiresAt: Date },
  { media, storage }: Pick<World, 'media' | 'storage'>,
): Promise<string> {
  const folder = `${playlistsRoot}${hourOf(expiresAt)}/${randomUUID()}/`
  const playlists = await media.openFolder(folder, now, expiresAt)
  const cacheControl = `private, max-age=${Math.floor((expiresAt.getTime() - now.getTime()) / 1_000)}`

  async function store(from: string, addressOf: (key: string) => Promise<string>): Promise<string> {
    const original = await storage.get(from, { timeoutMs: storeTimeoutMs })
    if (original === undefined) throw refusals.unavailable('A playlist of the track is missing.')
    const body = Buffer.from(await addressed(original.toString('utf8'), from, addressOf))
    const key = folder + from.slice(from.lastIndexOf('/') + 1)
    const how = { cacheControl, timeoutMs: storeTimeoutMs }
    if (body.length <= plainBytesMax) await storage.put(key, body, playlistType, how)
    else await storage.put(key, await promisify(gzip)(body), playlistType, { ...how, encoding: 'gzip' })
    return playlists.signedUrl(key, playlistType)
  }

  return store(manifestKey, playlistKey => store(playlistKey, mediaKey => sound.signedUrl(mediaKey, mediaType)))
}
