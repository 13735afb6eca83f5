import { type Context } from '../../kernel/pipeline/context'
import { type Track, type Upload } from '../../models'
import { grantLifeMsMax, grantMarginMs } from '../tracks/rules'
import { abortMultipart } from './abort-multipart'
import { deleteObjects } from './delete-objects'

/** The key under which a file waits for processing. Built from our id only: client input never enters a key. */
export const incomingKey = (uploadId: string): string => `incoming/${uploadId}`

/** The key of the original audio. One per upload, so that an object never changes after a URL for it was signed. */
export const audioKey = (trackId: string, uploadId: string, extension: string): string =>
  `${audioPrefix(trackId)}${uploadId}.${extension}`

/** The key of the download copy: outside the folder that a stream grant opens. */
export const downloadKey = (trackId: string, uploadId: string, extension: string): string =>
  `${streamsPrefix(trackId, uploadId)}download.${extension}`

/** The prefix of everything that is streamed of an upload. */
export const streamsPrefix = (trackId: string, uploadId: string): string => `${audioVersionPrefix(trackId, uploadId)}/`

/** The prefix of everything made of an upload, and of nothing else: original, download copy and streams. */
export const audioVersionPrefix = (trackId: string, uploadId: string): string => `${audioPrefix(trackId)}${uploadId}`

export const audioPrefix = (trackId: string): string => `audio/${trackId}/`

/**
 * Time for the store to finish CompleteMultipartUpload: it may take minutes, and the upload may be aborted meanwhile.
 */
const completingMsMax = 10 * 60_000

/**
 * Deletes the sent file of an upload now, and again when its last presigned URL has expired, since the client can
 * send the file or a part again until then. A completion may be running, so the object may still appear.
 */
export async function deleteIncoming(
  { id, putUrlExpiresAt, multipartId, etag }: Pick<Upload, 'id' | 'putUrlExpiresAt' | 'multipartId' | 'etag'>,
  { enqueue, now }: Pick<Context, 'enqueue' | 'now'>,
): Promise<void> {
  const key = incomingKey(id)
  // Once completed, a multipart upload no longer exists.
  const parts = etag === null ? multipartId : null
  const lastChangeAt = Math.max(putUrlExpiresAt.getTime(), parts === null ? 0 : now.getTime() + completingMsMax)
  const times = [{}, ...(lastChangeAt > now.getTime() ? [{ runAt: new Date(lastChangeAt) }] : [])]
  for (const when of times) {
    await enqueue(deleteObjects, { prefixes: [key] }, when)
    if (parts !== null) await enqueue(abortMultipart, { key, multipartId: parts }, when)
  }
}

/** Deletes all audio objects of a track. */
export const deleteTrackAudio = (trackId: string, { enqueue }: Pick<Context, 'enqueue'>): Promise<void> =>
  enqueue(deleteObjects, { prefixes: [audioPrefix(trackId)] })

/** Deletes the objects made of one upload; other audio versions of the track stay. */
export const deleteAudioVersion = (
  { id, trackId }: Pick<Upload, 'id'> & { trackId: string },
  { enqueue }: Pick<Context, 'enqueue'>,
): Promise<void> => enqueue(deleteObjects, { prefixes: [audioVersionPrefix(trackId, id)] })

/** Deletes the present audio of a track once every grant for it has expired. */
export async function deleteReplacedAudio(
  { id, audioVersion }: Pick<Track, 'id' | 'audioVersion'>,
  { enqueue, now }: Pick<Context, 'enqueue' | 'now'>,
): Promise<void> {
  if (audioVersion === null) return
  const prefixes = [audioVersionPrefix(id, audioVersion)]
  await enqueue(deleteObjects, { prefixes }, { runAt: new Date(now.getTime() + grantLifeMsMax + grantMarginMs) })
}
