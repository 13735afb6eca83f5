import { uuidPattern } from '../../kernel/pipeline/uuid'
import { type TrackAudio } from '../../models'

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

/** Captures the ids of track and upload. */
export const audioKeyPattern = new RegExp(`^audio/(${uuidPattern})/(${uuidPattern})[./]`)

/** Processing attempts per upload, whether they end by an error or by the death of the worker. */
export const processingAttemptsMax = 5
/** A worker that does not renew its lease for this long counts as dead. */
export const leaseMs = 30_000

type Audio = Pick<TrackAudio, 'uploadId' | 'downloadKey' | 'downloadBytes' | 'downloadUploadId'>

/**
 * The download copy of a track: undefined when none was attempted for its present audio, null when none can be made.
 */
export function downloadCopyOf({ uploadId, downloadKey, downloadBytes, downloadUploadId }: Audio) {
  if (downloadUploadId !== uploadId) return undefined
  return downloadKey === null ? null : { key: downloadKey, sizeBytes: Number(downloadBytes) }
}
