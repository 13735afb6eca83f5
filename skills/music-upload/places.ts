import { type Context } from '../../kernel/context'
import { type Track, type Upload } from '../../models'
import { audioVersionOf, grantLifeMsMax, grantMarginMs } from '../streaming/rules'
import { dropParts } from './drop-parts'
import { removeObjects } from './remove-objects'

/** Where a file waits until it was understood. Made by us: a name from outside never gets into a key. */
export const incomingKey = (uploadId: string): string => `incoming/${uploadId}`

/** Where the audio of a track lies for good. Each upload has its own key: what was handed out never changes. */
export const audioKey = (trackId: string, uploadId: string, extension: string): string =>
  `${audioPrefix(trackId)}${uploadId}.${extension}`

/** Where the copy lies that others than the owner download: not below what a grant to listen opens. */
export const downloadKey = (trackId: string, uploadId: string, extension: string): string =>
  `${streamsPrefix(trackId, uploadId)}download.${extension}`

/** Where all that is streamed of an upload lies. */
export const streamsPrefix = (trackId: string, uploadId: string): string => `${versionPrefix(trackId, uploadId)}/`

/** What the keys of everything that was made of an upload begin with, and no other key: the file itself, its copy for downloads and its streams. */
export const versionPrefix = (trackId: string, uploadId: string): string => `${audioPrefix(trackId)}${uploadId}`

export const audioPrefix = (trackId: string): string => `audio/${trackId}/`

/** The store may be at it for minutes, and who asked it to is told that the upload is not wanted any more. */
const completingMsMax = 10 * 60_000

/**
 * Has the waiting file of an upload removed: at once, and again when its last presigned URL is dead, since until then
 * whoever holds it can send the file, or a part of it, once more. Of parts an object may be in the making just now.
 */
export async function forgetIncoming(
  { id, putExpiresAt, multipartId, etag }: Pick<Upload, 'id' | 'putExpiresAt' | 'multipartId' | 'etag'>,
  { enqueue, now }: Pick<Context, 'enqueue' | 'now'>,
): Promise<void> {
  const key = incomingKey(id)
  // Parts of which an object was made are no parts any more.
  const parts = etag === null ? multipartId : null
  const settled = Math.max(putExpiresAt.getTime(), parts === null ? 0 : now.getTime() + completingMsMax)
  const times = [{}, ...(settled > now.getTime() ? [{ runAt: new Date(settled) }] : [])]
  for (const when of times) {
    await enqueue(removeObjects, { prefixes: [key] }, when)
    if (parts !== null) await enqueue(dropParts, { key, multipartId: parts }, when)
  }
}

/** Has everything removed that was stored for a track. */
export const forgetAudio = (trackId: string, { enqueue }: Pick<Context, 'enqueue'>): Promise<void> =>
  enqueue(removeObjects, { prefixes: [audioPrefix(trackId)] })

/** Has everything removed that was stored of an upload; other versions of the track's audio stay. */
export const forgetVersion = (
  { id, trackId }: Pick<Upload, 'id'> & { trackId: string },
  { enqueue }: Pick<Context, 'enqueue'>,
): Promise<void> => enqueue(removeObjects, { prefixes: [versionPrefix(trackId, id)] })

/** Has the audio that a track has now removed, as soon as nobody can hold a grant for it any more. */
export async function forgetReplaced(
  track: Pick<Track, 'id' | 'audioVersion' | 'audioKey'>,
  { enqueue, now }: Pick<Context, 'enqueue' | 'now'>,
): Promise<void> {
  const version = audioVersionOf(track)
  if (version === null) return
  const prefixes = [versionPrefix(track.id, version)]
  await enqueue(removeObjects, { prefixes }, { runAt: new Date(now.getTime() + grantLifeMsMax + grantMarginMs) })
}
