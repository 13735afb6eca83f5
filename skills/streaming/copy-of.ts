import { type TrackAudio } from '../../models'

type Audio = Pick<TrackAudio, 'uploadId' | 'downloadKey' | 'downloadBytes' | 'downloadOf'>

/**
 * The file of a track without its tags: undefined where nobody has tried to make it of the audio that the track has now, null
 * where none can be made.
 */
export function copyOf({ uploadId, downloadKey, downloadBytes, downloadOf }: Audio) {
  if (downloadOf !== uploadId) return undefined
  return downloadKey === null ? null : { key: downloadKey, sizeBytes: Number(downloadBytes) }
}
