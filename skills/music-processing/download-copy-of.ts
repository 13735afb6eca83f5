import { type TrackAudio } from '../../models'

type Audio = Pick<TrackAudio, 'uploadId' | 'downloadKey' | 'downloadBytes' | 'downloadUploadId'>

/**
 * The download copy of a track: undefined when none was attempted for its present audio, null when none can be made.
 */
export function downloadCopyOf({ uploadId, downloadKey, downloadBytes, downloadUploadId }: Audio) {
  if (downloadUploadId !== uploadId) return undefined
  return downloadKey === null ? null : { key: downloadKey, sizeBytes: Number(downloadBytes) }
}
